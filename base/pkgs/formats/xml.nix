# Values as XML in the badgerfish convention: "@name" is an attribute, "#text" a text, anything else an element; lists are elements of
# one name.
{ lib }:
let
  inherit (builtins) concatStringsSep isAttrs isBool isList;
  text = value: if isBool value then lib.boolToString value else if value == null then "" else toString value;
  element = indent: name: value:
    if isList value then
      concatStringsSep "" (map (element indent name) value)
    else if isAttrs value then
      let
        attributes = lib.filterAttrs (n: _: lib.hasPrefix "@" n) value;
        inside = lib.filterAttrs (n: _: !lib.hasPrefix "@" n && n != "#text") value;
        open = name + lib.concatStrings (lib.mapAttrsToList (n: v: " ${lib.removePrefix "@" n}=\"${lib.escapeXML (text v)}\"") attributes);
      in
      if inside == { } && !(value ? "#text") then
        "${indent}<${open}></${name}>\n"
      else if inside == { } then
        "${indent}<${open}>${lib.escapeXML (text value."#text")}</${name}>\n"
      else
        "${indent}<${open}>${lib.escapeXML (text (value."#text" or ""))}\n"
        + concatStringsSep "" (lib.mapAttrsToList (element "${indent}  ") inside)
        + "${indent}</${name}>\n"
    else
      "${indent}<${name}>${lib.escapeXML (text value)}</${name}>\n";
in
{
  document = value: concatStringsSep "" (lib.mapAttrsToList (element "") value);
}
