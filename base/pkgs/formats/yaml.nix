# Values as YAML in block style. Texts are written as JSON writes them, which every version of YAML reads alike.
{ lib }:
let
  inherit (builtins) concatStringsSep isAttrs isList match toJSON;
  isMap = value: isAttrs value && !lib.isDerivation value && !(value ? outPath) && !(value ? __toString);
  # Words that some version of YAML takes for something else, and what begins like a number, are quoted.
  words = "y|n|yes|no|on|off|true|false|null";
  plainKey = name: match "[A-Za-z_][A-Za-z0-9_./-]*" name != null && match words (lib.toLower name) == null;
  key = name: if plainKey name then name else toJSON name;
  isEmpty = value: value == [ ] || value == { };

  # The lines of a value, each with its indentation.
  block = indent: value:
    if isMap value && value != { } then
      concatStringsSep "" (lib.mapAttrsToList (n: v: "${indent}${key n}:${entry indent v}") value)
    else if isList value && value != [ ] then
      concatStringsSep "" (map (v: "${indent}-${element indent v}") value)
    else
      "${indent}${toJSON value}\n";
  entry = indent: value:
    if (isMap value || isList value) && !isEmpty value then
      "\n" + block (if isList value then indent else "${indent}  ") value
    else
      " ${toJSON value}\n";
  # The first line of what is inside stands beside the hyphen.
  element = indent: value:
    if (isMap value || isList value) && !isEmpty value then
      " " + lib.removePrefix "${indent}  " (block "${indent}  " value)
    else
      " ${toJSON value}\n";
in
{
  document = block "";
}
