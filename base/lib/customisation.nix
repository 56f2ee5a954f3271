# Calling package functions with their arguments, and changing packages afterwards.
{ lib }:
let
  inherit (builtins)
    attrNames
    filter
    intersectAttrs
    isAttrs
    listToAttrs
    mapAttrs
    removeAttrs
    ;
  inherit (lib.trivial)
    functionArgs
    isFunction
    mirrorFunctionArgs
    setFunctionArgs
    toFunction
    ;
  inherit (lib.attrsets) optionalAttrs;

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

  crossIndexNames = [
    "BuildBuild"
    "BuildHost"
    "BuildTarget"
    "HostHost"
    "HostTarget"
    "TargetTarget"
  ];

  # The field of a cross index without a prefix begins with a small letter.
  crossField = builtins.replaceStrings [ "BuildB" "BuildH" "BuildT" "HostH" "HostT" "TargetT" ] [
    "buildB"
    "buildH"
    "buildT"
    "hostH"
    "hostT"
    "targetT"
  ];
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

  /**
    Adds attributes to a derivation and to every output of it, without changing what is built, and checks a
    condition when its paths are asked for.

    # Type
    `extendDerivation :: Bool -> AttrSet -> Derivation -> Derivation`
  */
  extendDerivation =
    condition: passthru: drv:
    let
      outputs = drv.outputs or [ "out" ];

      common =
        drv
        // listToAttrs outputsList
        // { all = map (output: output.value) outputsList; }
        // passthru;

      outputsList = map (name: {
        inherit name;
        value =
          common
          // {
            inherit (drv.${name}) type outputName;
            outputSpecified = true;
            drvPath =
              assert condition;
              drv.${name}.drvPath;
            outPath =
              assert condition;
              drv.${name}.outPath;
          }
          # Cross-compiled packages carry the paths of their other selves.
          // optionalAttrs (passthru ? overrideAttrs) {
            overrideAttrs = g: (passthru.overrideAttrs g).${name};
          };
      }) outputs;
    in
    common
    // {
      drvPath =
        assert condition;
        drv.drvPath;
      outPath =
        assert condition;
        drv.outPath;
    };

  /**
    Reduces a derivation to what a build farm needs of it, fully evaluated. Null stays null.

    # Type
    `hydraJob :: Derivation | null -> Derivation | null`
  */
  hydraJob =
    drv:
    let
      outputs = drv.outputs or [ "out" ];

      common = {
        inherit (drv) name system meta;
        inherit outputs;
      }
      // optionalAttrs (drv._hydraAggregate or false) {
        _hydraAggregate = true;
        constituents = map hydraJob (lib.lists.flatten drv.constituents);
      }
      // listToAttrs outputsList;

      outputsList = map (name: {
        inherit name;
        value = common // {
          outPath = drv.${name}.outPath;
          drvPath = drv.${name}.drvPath;
          type = "derivation";
          outputName = name;
        };
      }) outputs;

      job = (builtins.head outputsList).value;
    in
    if drv == null then null else builtins.deepSeq job job;

  /**
    A set of packages (a scope) whose functions are called with what is in the scope itself. `newScope` makes
    a `callPackage` of a set (as `callPackageWith` does). The scope offers `callPackage`, `newScope`,
    `overrideScope` (which takes an overlay) and `packages` (the function it was made of).

    # Type
    `makeScope :: (AttrSet -> (AttrSet -> a) | Path -> AttrSet -> a) -> (AttrSet -> AttrSet) -> Scope`

    # Example
    ```nix
    let scope = makeScope callPackageWith (self: { a = 1; b = self.callPackage ({ a }: { v = a; }) { }; });
    in [ scope.b.v (scope.overrideScope (final: prev: { a = 2; })).b.v ]
    => [ 1 2 ]
    ```
  */
  makeScope =
    newScope: f:
    let
      self = {
        # The scope may have one of its own.
        callPackage = self.newScope { };
      }
      // f self
      // {
        newScope = scope: newScope (self // scope);
        overrideScope = g: makeScope newScope (lib.fixedPoints.extends g f);
        packages = f;
      };
    in
    self;

  /**
    `makeScope` for cross compilation: `callPackage` finds spliced packages, made of this scope for all
    pairs of platforms (`otherSplices`).

    # Type
    `makeScopeWithSplicing' :: { splicePackages :: Splice -> AttrSet; newScope :: AttrSet -> CallPackage; } -> { otherSplices :: Splice; keep :: AttrSet -> AttrSet; extra :: AttrSet -> AttrSet; f :: AttrSet -> AttrSet; } -> Scope`
  */
  makeScopeWithSplicing' =
    { splicePackages, newScope }@tools:
    {
      otherSplices,
      keep ? (_: { }),
      extra ? (_: { }),
      f,
    }@args:
    let
      packages = splicePackages (
        renameCrossIndexTo "pkgs" (renameCrossIndexFrom "self" otherSplices) // { pkgsHostTarget = self; }
      );
      # What `keep` and `extra` give is not spliced.
      spliced = extra packages // packages // keep self;

      self = f self // {
        newScope = scope: newScope (spliced // scope);
        callPackage = newScope spliced;
        overrideScope =
          g:
          makeScopeWithSplicing' tools (
            args
            // {
              f = lib.fixedPoints.extends g f;
              otherSplices = mapAttrs (
                _: other: if other ? overrideScope then other.overrideScope g else other
              ) otherSplices;
            }
          );
        packages = f;
      };
    in
    self;

  /**
    Old form of `makeScopeWithSplicing'`, with positional arguments.
  */
  makeScopeWithSplicing =
    lib.trivial.warn
      "lib.customisation.makeScopeWithSplicing is deprecated, use makeScopeWithSplicing' instead"
      (
        splicePackages: newScope: otherSplices: keep: extra: f:
        makeScopeWithSplicing' { inherit splicePackages newScope; } {
          inherit
            otherSplices
            keep
            extra
            f
            ;
        }
      );

  /**
    A build helper made of another one, such that a function of the final attributes may be given instead of
    a set, and `overrideAttrs` reaches everything.

    - `constructDrv`: the helper to extend (`stdenv.mkDerivation` for instance)
    - `extendDrvArgs`: `finalAttrs: args: { … }`, the attributes to add or change
    - `excludeDrvArgNames`: arguments that are not passed on
    - `excludeFunctionArgNames`: arguments that the new helper doesn't state
    - `inheritFunctionArgs` (true): whether it states the arguments of the old one as well
    - `transformDrv`: what is done to the derivation at the end

    # Type
    `extendMkDerivation :: { constructDrv, extendDrvArgs, excludeDrvArgNames, excludeFunctionArgNames, inheritFunctionArgs, transformDrv } -> (AttrSet | AttrSet -> AttrSet) -> Derivation`

    # Example
    ```nix
    let mk = extendMkDerivation {
          constructDrv = fix;
          excludeDrvArgNames = [ "who" ];
          extendDrvArgs = finalAttrs: { who ? "world", ... }: { text = "hello ${who}"; size = builtins.stringLength finalAttrs.text; };
        };
    in mk (finalAttrs: { who = "you"; name = "n"; })
    => { name = "n"; size = 9; text = "hello you"; }
    ```
  */
  extendMkDerivation =
    {
      constructDrv,
      excludeDrvArgNames ? [ ],
      excludeFunctionArgNames ? [ ],
      extendDrvArgs,
      inheritFunctionArgs ? true,
      transformDrv ? lib.trivial.id,
    }:
    setFunctionArgs
      (
        fpargs:
        transformDrv (
          constructDrv (
            finalAttrs:
            let
              args = toFunction fpargs finalAttrs;
            in
            removeAttrs args excludeDrvArgNames // extendDrvArgs finalAttrs args
          )
        )
      )
      (
        removeAttrs (
          optionalAttrs inheritFunctionArgs (functionArgs constructDrv) // functionArgs (extendDrvArgs { })
        ) excludeFunctionArgNames
      )
    // {
      inherit
        constructDrv
        excludeDrvArgNames
        excludeFunctionArgNames
        extendDrvArgs
        transformDrv
        ;
    };

  /**
    The six sets of a cross index (one for every pair of build, host and target platform) without the prefix
    in their names.

    # Type
    `renameCrossIndexFrom :: String -> AttrSet -> AttrSet`

    # Example
    ```nix
    (renameCrossIndexFrom "pkgs" { pkgsBuildHost = 2; }).buildHost
    => 2
    ```
  */
  renameCrossIndexFrom =
    prefix: crossIndex:
    listToAttrs (
      map (field: {
        name = crossField field;
        value = crossIndex."${prefix}${field}";
      }) crossIndexNames
    );

  /**
    The six sets of a cross index with a prefix in their names.

    # Type
    `renameCrossIndexTo :: String -> AttrSet -> AttrSet`

    # Example
    ```nix
    (renameCrossIndexTo "self" { buildHost = 2; }).selfBuildHost
    => 2
    ```
  */
  renameCrossIndexTo =
    prefix: crossIndex:
    listToAttrs (
      map (field: {
        name = "${prefix}${field}";
        value = crossIndex.${crossField field};
      }) crossIndexNames
    );

  /**
    Applies a function to all six sets of a cross index.

    # Type
    `mapCrossIndex :: (a -> b) -> { buildBuild, buildHost, buildTarget, hostHost, hostTarget, targetTarget } -> { … }`

    # Example
    ```nix
    (mapCrossIndex (x: x * 10) { buildHost = 2; }).buildHost
    => 20
    ```
  */
  mapCrossIndex =
    f: crossIndex:
    listToAttrs (
      map (
        field:
        let
          name = crossField field;
        in
        {
          inherit name;
          value = f crossIndex.${name};
        }
      ) crossIndexNames
    );
}
