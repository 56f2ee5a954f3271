# Calling package functions with their arguments, and with others afterwards.
{ lib }:
let
  inherit (builtins)
    attrNames
    filter
    intersectAttrs
    isAttrs
    mapAttrs
    removeAttrs
    ;
  inherit (lib.trivial)
    functionArgs
    isFunction
    mirrorFunctionArgs
    setFunctionArgs
    ;
  inherit (lib.attrsets) optionalAttrs;
  inherit (lib.customisation)
    extendDerivation
    ;

  # The error of `callPackageWith` for an argument that nobody has.
  missingArgument =
    name: f: known:
    let
      at = builtins.unsafeGetAttrPos name (functionArgs f);
      place = if at == null then "" else " at ${at.file}:${toString at.line}";
      near = lib.lists.take 3 (
        lib.lists.sortOn (lib.strings.levenshtein name) (
          filter (lib.strings.levenshteinAtMost 2 name) known
        )
      );
      quoted = map (n: "\"${n}\"") near;
      hint =
        if quoted == [ ] then
          ""
        else if builtins.length quoted == 1 then
          ", did you mean ${builtins.head quoted}?"
        else
          ", did you mean ${builtins.concatStringsSep ", " (lib.lists.init quoted)} or ${lib.lists.last quoted}?";
    in
    "Function called without required argument \"${name}\"${place}${hint}";
in
rec {
  /**
    A derivation made anew from another one's attributes, changed by a function of them. The old one is
    evaluated as well. Prefer `overrideAttrs`.

    # Type
    `overrideDerivation :: Derivation -> (AttrSet -> AttrSet) -> Derivation`
  */
  overrideDerivation =
    drv: f:
    let
      new = derivation (drv.drvAttrs // f drv);
      kept = {
        meta = drv.meta or { };
        passthru = drv.passthru or { };
      };
      # Packages for other platforms that hide behind this one are changed alike.
      spliced = optionalAttrs (drv ? __spliced) {
        __spliced = mapAttrs (_: other: overrideDerivation other f) drv.__spliced;
      };
    in
    lib.trivial.flip (extendDerivation (builtins.seq drv.drvPath true)) new (
      kept // kept.passthru // spliced
    );

  /**
    Lets the result of a function (a set, or another function) be made again with other arguments, through
    its attribute `override`: a set of arguments, or a function of the old ones. The results of
    `overrideAttrs` and `overrideDerivation` can be overridden too.

    # Type
    `makeOverridable :: (AttrSet -> a) -> AttrSet -> a`

    # Example
    ```nix
    let y = makeOverridable ({ a, b }: { result = a + b; }) { a = 1; b = 2; }; in (y.override { a = 10; }).result
    => 12
    ```
  */
  makeOverridable =
    f:
    let
      mirror = mirrorFunctionArgs f;

      call =
        args:
        let
          result = f args;

          override = mirror (
            newArgs: makeOverridable f (args // (if isFunction newArgs then newArgs args else newArgs))
          );

          # The same function with something done to its result.
          change = g: makeOverridable (mirror (args: g (f args))) args;
        in
        if isAttrs result then
          # `override` must not be lost where attributes are changed.
          result
          // {
            inherit override;
            overrideDerivation = g: change (x: overrideDerivation x g);
          }
          // (
            if result ? overrideAttrs then
              { overrideAttrs = g: change (x: x.overrideAttrs g); }
            else
              { }
          )
        else if isFunction result then
          setFunctionArgs result (functionArgs result) // { inherit override; }
        else
          result;
    in
    # A callable set keeps its attributes; it may be overridable itself.
    if isAttrs f then
      f
      // {
        __functor = _: call;
        __functionArgs = functionArgs f;
      }
      // optionalAttrs (f ? override) { override = args: makeOverridable (f.override args); }
    else
      mirror call;

  /**
    Calls a function, or the function in a file, with those arguments it names that are found in a set, and
    with explicit ones; the result can be overridden.

    # Type
    `callPackageWith :: AttrSet -> (AttrSet -> a) | Path -> AttrSet -> a`

    # Example
    ```nix
    (callPackageWith { a = 1; b = 2; } ({ a, b, c ? 3 }: { sum = a + b + c; }) { a = 10; }).sum
    => 15
    ```
  */
  callPackageWith =
    autoArgs: fn: args:
    let
      f = if isFunction fn then fn else import fn;
      fargs = functionArgs f;
      allArgs = intersectAttrs fargs autoArgs // args;
      # Arguments without a default that nobody gave.
      required = filter (name: !fargs.${name}) (attrNames (removeAttrs fargs (attrNames allArgs)));
    in
    if required == [ ] then
      makeOverridable f allArgs
    # Not `throw`: looking for packages must not pass over this.
    else
      abort "lib.customisation.callPackageWith: ${
        missingArgument (builtins.head required) f (attrNames (autoArgs // args))
      }";

  /**
    `callPackageWith` for a function whose result is a set of packages: each of them can be overridden.

    # Type
    `callPackagesWith :: AttrSet -> (AttrSet -> AttrSet) | Path -> AttrSet -> AttrSet`

    # Example
    ```nix
    let p = callPackagesWith { a = 1; } ({ a }: { x.v = a; y.v = -a; }) { }; in [ p.y.v (p.x.override { a = 5; }).v ]
    => [ (-1) 5 ]
    ```
  */
  callPackagesWith =
    autoArgs: fn: args:
    let
      f = if isFunction fn then fn else import fn;
      allArgs = intersectAttrs (functionArgs f) autoArgs // args;
      pkgs = f allArgs;
      mirror = mirrorFunctionArgs f;
    in
    if isFunction pkgs || lib.attrsets.isDerivation pkgs then
      throw "function `callPackages` was called on something that is not a set of packages; use `callPackage`"
    else
      mapAttrs (name: _: makeOverridable (mirror (newArgs: (f newArgs).${name})) allArgs) pkgs;
}
