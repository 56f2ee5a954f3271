# JSON, YAML, property lists and Dhall.
{ lib }:
let
  inherit (builtins)
    attrNames
    concatStringsSep
    filter
    isAttrs
    isBool
    isFloat
    isFunction
    isInt
    isList
    isPath
    isString
    ;
in
rec {
  /**
    JSON.

    # Type
    `toJSON :: { } -> Any -> String`

    # Example
    ```nix
    generators.toJSON { } { a = [ 1 null ]; }
    => "{\"a\":[1,null]}"
    ```
  */
  toJSON = { }: builtins.toJSON;

  /**
    YAML, which JSON is.

    # Type
    `toYAML :: { } -> Any -> String`

    # Example
    ```nix
    generators.toYAML { } [ 1 ]
    => "[1]"
    ```
  */
  toYAML = toJSON;

  /**
    A property list of Apple's. Nulls are left out; with `escape` strings and keys are escaped.

    # Type
    `toPlist :: { escape :: Bool ? false; } -> Any -> String`
  */
  toPlist =
    {
      escape ? false,
    }:
    let
      text = if escape then lib.strings.escapeXML else (s: s);

      go =
        indent: v:
        if v == null then
          ""
        else if isBool v then
          indent + (if v then "<true/>" else "<false/>")
        else if isInt v then
          "${indent}<integer>${toString v}</integer>"
        else if isString v || isPath v || isAttrs v && v ? outPath then
          "${indent}<string>${text (toString v)}</string>"
        else if isList v then
          around indent "array" (map (go "${indent}\t") v)
        else if isAttrs v then
          around indent "dict" (
            map (
              name: "${indent}\t<key>${text name}</key>\n${go "${indent}\t" v.${name}}"
            ) (filter (name: v.${name} != null) (attrNames v))
          )
        else if isFloat v then
          "${indent}<real>${toString v}</real>"
        else
          abort "generators.toPlist: should never happen (v = ${builtins.toJSON v})";

      around =
        indent: tag: items:
        "${indent}<${tag}>\n${concatStringsSep "\n" items}\n${indent}</${tag}>";
    in
    v:
    ''
      <?xml version="1.0" encoding="UTF-8"?>
      <!DOCTYPE plist PUBLIC "-//Apple Computer//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
      <plist version="1.0">
      ${go "" v}
      </plist>'';

  /**
    An expression of Dhall; integers are of its type Integer.

    # Type
    `toDhall :: { } -> Any -> String`

    # Example
    ```nix
    generators.toDhall { } { a = [ 1 ]; b = true; }
    => "{ a = [ +1 ], b = True }"
    ```
  */
  toDhall =
    { }@args:
    v:
    if isAttrs v then
      "{ ${
        concatStringsSep ", " (lib.attrsets.mapAttrsToList (name: value: "${name} = ${toDhall args value}") v)
      } }"
    else if isList v then
      "[ ${concatStringsSep ", " (map (toDhall args) v)} ]"
    else if isInt v then
      (if v < 0 then "" else "+") + toString v
    else if isBool v then
      (if v then "True" else "False")
    else if isFunction v then
      abort "generators.toDhall: cannot convert a function to Dhall"
    else if v == null then
      abort "generators.toDhall: cannot convert a null to Dhall"
    else
      builtins.toJSON v;
}
