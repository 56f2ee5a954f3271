# Sets of packages that are called with each other.
{ lib }:
let
  inherit (builtins)
    listToAttrs
    mapAttrs
    ;

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
