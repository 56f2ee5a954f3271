# Lua.
{ lib }:
let
  inherit (builtins)
    attrNames
    concatStringsSep
    isAttrs
    isList
    isPath
    toJSON
    ;
in
rec {
  /**
    A Lua expression that `toLua` writes as it is.

    # Type
    `mkLuaInline :: String -> { _type = "lua-inline"; expr :: String; }`

    # Example
    ```nix
    (generators.mkLuaInline "x + 1").expr
    => "x + 1"
    ```
  */
  mkLuaInline = expr: {
    _type = "lua-inline";
    inherit expr;
  };

  /**
    A value in Lua; with `asBindings` a set becomes global variables.

    # Type
    `toLua :: { multiline :: Bool ? true; indent :: String ? ""; asBindings :: Bool ? false; } -> Any -> String`

    # Example
    ```nix
    generators.toLua { multiline = false; } { a = [ 1 "x" null ]; }
    => "{ [\"a\"] = { 1, \"x\", nil } }"
    ```
  */
  toLua =
    {
      multiline ? true,
      indent ? "",
      asBindings ? false,
    }:
    let
      go =
        indent: v:
        let
          inner = "${indent}  ";
          open = if multiline then "{\n${inner}" else "{ ";
          between = if multiline then ",\n${inner}" else ", ";
          close = if multiline then "\n${indent}}" else " }";
          table = items: open + concatStringsSep between items + close;
        in
        if v == null then
          "nil"
        else if isList v then
          if v == [ ] then "{}" else table (map (go inner) v)
        else if isAttrs v then
          if v._type or null == "lua-inline" then
            "(${v.expr})"
          else if v == { } then
            "{}"
          else if v ? outPath || v ? __toString then
            toJSON (toString v)
          else
            table (map (name: "[${toJSON name}] = ${go inner v.${name}}") (attrNames v))
        else if isPath v then
          toJSON (toString v)
        else if builtins.isFunction v then
          throw "generators.toLua: functions are not supported"
        else
          toJSON v;

      isName = name: builtins.match "[[:alpha:]_][[:alnum:]_]*(\\.[[:alpha:]_][[:alnum:]_]*)*" name != null;

      bindings =
        set:
        let
          names = attrNames set;
          bad = builtins.filter (name: !isName name) names;
        in
        if bad != [ ] then
          throw "attrset key `${builtins.head bad}` is not a valid Lua identifier"
        else
          lib.strings.concatMapStrings (
            name: "${indent}${name} = ${go indent set.${name}}\n"
          ) names;
    in
    if asBindings then bindings else go indent;
}
