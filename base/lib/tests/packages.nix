# Calling and overriding packages, with sets in the place of derivations.
{ lib }:
let
  # A helper like mkDerivation: a set that remembers how it was made.
  mk =
    args:
    let
      final = lib.toFunction args final';
      final' = final // {
        overrideAttrs =
          f: mk (finalAttrs: final // lib.toExtension f finalAttrs final);
      };
    in
    final';

  hello =
    {
      a,
      b ? 2,
    }:
    mk {
      type = "derivation";
      name = "hello";
      sum = a + b;
    };

  call = lib.callPackageWith { a = 1; };
in
lib.runTests {
  testCallPackage = {
    expr = (call hello { }).sum;
    expected = 3;
  };
  testOverrideWithSet = {
    expr = ((call hello { }).override { b = 10; }).sum;
    expected = 11;
  };
  testOverrideWithFunction = {
    expr = ((call hello { }).override (old: { a = old.a + 100; })).sum;
    expected = 103;
  };
  testOverrideTwice = {
    expr = (((call hello { }).override { a = 5; }).override { b = 5; }).sum;
    expected = 10;
  };
  testOverrideAttrsKeepsOverride = {
    expr = (((call hello { }).overrideAttrs (old: { name = old.name + "-x"; })).override { a = 7; }).name;
    expected = "hello-x";
  };
  testOverrideAttrsAfterOverride = {
    expr = (((call hello { }).override { a = 7; }).overrideAttrs (_: old: { sum = -old.sum; })).sum;
    expected = -9;
  };
  testMissingArgumentCannotBeCaught = {
    # `abort`, so that searching for packages doesn't pass over it; only what isn't missing is tried here.
    expr = lib.functionArgs (call hello { }).override;
    expected = {
      a = false;
      b = true;
    };
  };
  testScopeFunctions = {
    expr =
      let
        scope = lib.makeScope lib.callPackageWith (self: {
          x = 1;
          y = self.callPackage ({ x }: x + 1) { };
        });
      in
      {
        inherit (scope) y;
        overridden = (scope.overrideScope (_: _: { x = 10; })).y;
        called = scope.callPackage ({ x, y }: x + y) { };
        new = scope.newScope { z = 5; } ({ x, z }: x + z) { };
      };
    expected = {
      y = 2;
      overridden = 11;
      called = 3;
      new = 6;
    };
  };
  testAddMetaThroughOverrideAttrs = {
    expr = (lib.lowPrio (call hello { })).meta;
    expected.priority = 10;
  };
  testExtendDerivationOutputs = {
    expr =
      let
        drv = {
          type = "derivation";
          outputs = [
            "out"
            "dev"
          ];
          outPath = "/out";
          drvPath = "/drv";
          out = {
            type = "derivation";
            outputName = "out";
            outPath = "/out";
            drvPath = "/drv";
          };
          dev = {
            type = "derivation";
            outputName = "dev";
            outPath = "/dev";
            drvPath = "/drv";
          };
        };
        new = lib.extendDerivation true { note = "x"; } drv;
      in
      [
        new.note
        new.dev.note
        new.dev.outPath
        new.dev.outputSpecified
        (builtins.length new.all)
      ];
    expected = [
      "x"
      "x"
      "/dev"
      true
      2
    ];
  };
  testExtendDerivationCondition = {
    expr = (builtins.tryEval (lib.extendDerivation false { } { outPath = "/x"; drvPath = "/y"; out = { }; }).outPath).success;
    expected = false;
  };
}
