# Values as TOML: plain keys of a table first, then its tables and lists of tables.
{ lib }:
let
  inherit (builtins) all attrNames concatStringsSep isAttrs isBool isFloat isInt isList isString match toJSON typeOf;
  key = name: if match "[A-Za-z0-9_-]+" name != null then name else toJSON name;
  isTable = value: isAttrs value && !lib.isDerivation value && !(value ? outPath) && !(value ? __toString);
  isTables = value: isList value && value != [ ] && all isTable value;

  # A value on one line.
  inline = path: value:
    if isString value then toJSON value
    else if isBool value || isInt value then toJSON value
    else if isFloat value then (let text = toJSON value; in if match ".*[.e].*" text != null then text else "${text}.0")
    else if isList value then "[${concatStringsSep ", " (map (inline path) value)}]"
    else if isTable value then
      "{ ${concatStringsSep ", " (lib.mapAttrsToList (n: v: "${key n} = ${inline (path ++ [ n ]) v}") value)} }"
    else if value == null then throw "TOML has no null: ${concatStringsSep "." path}"
    else if lib.isStringLike value then toJSON "${value}"
    else throw "TOML has no ${typeOf value}: ${concatStringsSep "." path}";

  table = path: value:
    let
      names = attrNames value;
      tables = builtins.filter (n: isTable value.${n}) names;
      lists = builtins.filter (n: isTables value.${n}) names;
      plain = builtins.filter (n: !isTable value.${n} && !isTables value.${n}) names;
      header = open: close: path: "${open}${concatStringsSep "." (map key path)}${close}\n";
      at = n: path ++ [ n ];
      needsHeader = sub: sub == { } || builtins.any (n: !isTable sub.${n} && !isTables sub.${n}) (attrNames sub);
    in
    concatStringsSep "" (
      map (n: "${key n} = ${inline (at n) value.${n}}\n") plain
      ++ map (n: (if needsHeader value.${n} then "\n" + header "[" "]" (at n) else "") + table (at n) value.${n}) tables
      ++ lib.concatMap (n: map (element: "\n" + header "[[" "]]" (at n) + table (at n) element) value.${n}) lists
    );
in
{
  document = value: lib.removePrefix "\n" (table [ ] value);
}
