# Values as text for people, as near to Nix as it goes.
{ lib }:
let
  inherit (builtins)
    attrNames
    concatStringsSep
    elem
    isAttrs
    isFloat
    isInt
    isList
    isPath
    isString
    mapAttrs
    replaceStrings
    toJSON
    ;
  inherit (lib.strings) escapeNixIdentifier escapeNixString splitString;
in
rec {
  /**
    A value whose depth is limited: what lies deeper becomes the text `<unevaluated>`, or an error.

    # Type
    `withRecursion :: { depthLimit :: Int | null; throwOnDepthLimit :: Bool ? true; } -> a -> a`

    # Example
    ```nix
    generators.withRecursion { depthLimit = 1; throwOnDepthLimit = false; } { a.b = 1; }
    => { a.b = "<unevaluated>"; }
    ```
  */
  withRecursion =
    {
      depthLimit,
      throwOnDepthLimit ? true,
    }:
    assert isInt depthLimit || depthLimit == null;
    let
      # What makes a set something else than a set stays as it is.
      special = [
        "__functor"
        "__functionArgs"
        "__toString"
        "__pretty"
      ];
      cut =
        depth: value:
        if depthLimit == null || depth <= depthLimit then
          value
        else if throwOnDepthLimit then
          throw "Exceeded maximum eval-depth limit of ${toString depthLimit} while trying to evaluate with `generators.withRecursion'!"
        else
          "<unevaluated>";
      walk =
        depth: value:
        let
          next = v: walk (depth + 1) (cut (depth + 1) v);
        in
        if isAttrs value then
          mapAttrs (name: if elem name special then (v: v) else next) value
        else if isList value then
          map next value
        else
          cut (depth + 1) value;
    in
    walk 0;

  /**
    A value as a Nix expression, as far as it is one. Functions and derivations are only named. With
    `allowPrettyValues` a set `{ __pretty, val }` is shown as `__pretty val`.

    # Type
    `toPretty :: { allowPrettyValues :: Bool ? false; multiline :: Bool ? true; indent :: String ? ""; } -> Any -> String`

    # Example
    ```nix
    generators.toPretty { multiline = false; } { a = [ 1 "x" ]; f = x: x; }
    => "{ a = [ 1 \"x\" ]; f = <function>; }"
    ```
  */
  toPretty =
    {
      allowPrettyValues ? false,
      multiline ? true,
      indent ? "",
    }:
    let
      go =
        indent: v:
        if isInt v then
          toString v
        else if isString v then
          showString indent v
        else if isList v then
          if v == [ ] then "[ ]" else around indent "[" "]" (inner: map (go inner) v)
        else if isAttrs v then
          showAttrs indent v
        else if v == true then
          "true"
        else if v == false then
          "false"
        else if v == null then
          "null"
        else if isFloat v then
          toJSON v
        else if isPath v then
          toString v
        else
          showFunction v;

      # Brackets and what is in them: on lines of its own, or all on one.
      around =
        indent: left: right: items:
        if multiline then
          "${left}\n${indent}  ${concatStringsSep "\n${indent}  " (items "${indent}  ")}\n${indent}${right}"
        else
          "${left} ${concatStringsSep " " (items indent)} ${right}";

      showAttrs =
        indent: v:
        if v ? __functor && lib.trivial.isFunction v then
          showFunction v
        else if allowPrettyValues && v ? __pretty && v ? val then
          v.__pretty v.val
        else if v == { } then
          "{ }"
        else if v.type or null == "derivation" then
          "<derivation ${v.name or "???"}>"
        else
          around indent "{" "}" (
            inner:
            map (
              name:
              "${escapeNixIdentifier name} = ${
                builtins.addErrorContext "while evaluating an attribute `${name}`" (go inner v.${name})
              };"
            ) (attrNames v)
          );

      showFunction =
        f:
        let
          args = lib.trivial.functionArgs f;
        in
        if args == { } then
          "<function>"
        else
          "<function, args: {${
            concatStringsSep ", " (
              lib.attrsets.mapAttrsToList (name: hasDefault: if hasDefault then "${name}?" else name) args
            )
          }}>";

      showString =
        indent: v: if multiline && lib.strings.hasInfix "\n" v then showLines indent v else escapeNixString v;

      showLines =
        indent: v:
        let
          lines = splitString "\n" (
            replaceStrings
              [
                "''"
                "\${"
              ]
              [
                "'''"
                "''\${"
              ]
              v
          );
          inner = "\n${indent}  ";
          endsWithNewline = lib.lists.last lines == "";
        in
        if endsWithNewline then
          "''${inner}${concatStringsSep inner (lib.lists.init lines)}\n${indent}''"
        else
          "''${inner}${concatStringsSep inner lines}''";
    in
    go indent;
}
