# Types and options as values of options.
{ lib, core }:
let
  inherit (core) isOptionType mkOptionType;
  inherit (lib.options) isOption mkOption;

  # The option that several definitions declare.
  joinDeclarations =
    loc: defs:
    lib.modules.mergeOptionDecls loc (
      map (def: {
        _file = def.file;
        options = def.value;
      }) defs
    );
in
{
  /**
    An option type; several are joined as those of an option's declarations are.
  */
  optionType = mkOptionType {
    name = "optionType";
    description = "optionType";
    descriptionClass = "noun";
    check = isOptionType;
    merge =
      loc: defs:
      if builtins.length defs == 1 then
        (builtins.head defs).value
      else
        (joinDeclarations loc (map (def: def // { value = mkOption { type = def.value; }; }) defs)).type;
  };

  /**
    An option's declaration, as `mkOption` makes it.
  */
  optionDeclaration = mkOptionType {
    name = "optionDeclaration";
    description = "option declaration";
    descriptionClass = "noun";
    # Options that have been evaluated are no declarations.
    check = x: isOption x && !x ? loc;
    merge =
      loc: defs:
      if builtins.length defs == 1 then (builtins.head defs).value else joinDeclarations loc defs;
  };
}
