# Modules from elsewhere: with a location, with arguments of their own, from files of data.
{ lib }:
rec {
  /**
    A module whose messages name a file, if it doesn't name one itself.

    # Type
    `setDefaultModuleLocation :: String -> Module -> Module`
  */
  setDefaultModuleLocation = file: module: {
    _file = file;
    imports = [ module ];
  };

  /**
    The module that the function in a file makes of an argument; messages name the file. Modules made of
    different arguments are different modules, so neither importing it twice nor disabling the file is noticed.

    # Type
    `importApply :: Path -> a -> Module`
  */
  importApply = file: arg: setDefaultModuleLocation file (import file arg);

  /**
    A module whose configuration is a JSON file.

    # Type
    `importJSON :: Path -> Module`
  */
  importJSON = file: {
    _file = file;
    config = lib.trivial.importJSON file;
  };

  /**
    A module whose configuration is a TOML file.

    # Type
    `importTOML :: Path -> Module`
  */
  importTOML = file: {
    _file = file;
    config = lib.trivial.importTOML file;
  };
}
