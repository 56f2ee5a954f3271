# Derivations with more attributes, and functions that make them.
{ lib }:
let
  inherit (builtins)
    listToAttrs
    removeAttrs
    ;
  inherit (lib.trivial)
    functionArgs
    setFunctionArgs
    toFunction
    ;
  inherit (lib.attrsets) optionalAttrs;
in
rec {
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
        extendDrvArgs
        transformDrv
        ;
    };
}
