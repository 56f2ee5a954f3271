# The options that every evaluation has, below `_module`.
{ lib }:
let
  inherit (lib.options) mkOption;
  inherit (lib) types;
in
prefix: {
  file = "lib/modules.nix";

  options = {
    args = mkOption {
      # What is in it may be expensive; each argument is evaluated by those who use it only.
      type = types.lazyAttrsOf types.raw;
      # Those of submodules are all the same.
      internal = prefix != [ ];
      description = ''
        Arguments that every module may ask for by name, in addition to those that are always there:

        - `lib`: the library
        - `config`: the values of all options
        - `options`: all options
        - `specialArgs`: what was passed to the evaluation from outside, as a set
        - everything in `specialArgs`

        An argument that is defined here can't be used in `imports`: which modules there are must be known before
        values are. What `imports` need has to be passed from outside, in `specialArgs`.

        Submodules have arguments of their own. They always have `name`: the attribute under which a submodule is
        defined, or a generated name where there is none.
      '';
    };

    check = mkOption {
      type = types.bool;
      internal = true;
      default = true;
      description = "Whether a definition of an option that nobody declares is an error.";
    };

    freeformType = mkOption {
      type = types.nullOr types.optionType;
      internal = true;
      default = null;
      description = ''
        The type of everything that is defined without being declared; null if that is an error.
        What it makes of those definitions is joined with the values of the declared options.
      '';
    };

    specialArgs = mkOption {
      readOnly = true;
      internal = true;
      description = "Arguments of modules that come from outside. They may be used in `imports`.";
    };
  };
}
