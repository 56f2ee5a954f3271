# What isn't evaluated.
{ lib }:
let
  never = throw "this must not be evaluated";
in
lib.runTests {
  testFixIsLazy = {
    expr =
      (lib.fix (self: {
        a = 1;
        b = never;
      })).a;
    expected = 1;
  };
  testExtendsReplacesWithoutLooking = {
    expr = (lib.fix (lib.extends (_: _: { a = 1; }) (_: { a = never; }))).a;
    expected = 1;
  };
  testFoldrStops = {
    expr = lib.foldr (x: rest: x == 2 || rest) false [
      1
      2
      never
    ];
    expected = true;
  };
  testFoldlIsLazyInTheStart = {
    expr = lib.foldl (_: x: x) never [ 1 ];
    expected = 1;
  };
  testFoldlPrimeIsStrictInTheStart = {
    expr = (builtins.tryEval (lib.foldl' (_: x: x) never [ 1 ])).success;
    expected = false;
  };
  testFindFirstStops = {
    expr = lib.findFirst (x: x > 1) null [
      1
      2
      never
    ];
    expected = 2;
  };
  testImapKeepsElements = {
    expr = lib.head (
      lib.imap0 (_: x: x) [
        1
        never
      ]
    );
    expected = 1;
  };
  testMapAttrsRecursiveKeepsLeaves = {
    expr =
      (lib.mapAttrsRecursive (_: v: v) {
        a.b = 1;
        a.c = never;
      }).a.b;
    expected = 1;
  };
  testRecursiveUpdateLooksAtNamesOnly = {
    expr = builtins.attrNames (lib.recursiveUpdate { a = never; } { b = never; });
    expected = [
      "a"
      "b"
    ];
  };
  testOptionalsIgnore = {
    expr = lib.optional false never ++ lib.optionals false never;
    expected = [ ];
  };
  testPipeFold = {
    expr = lib.pipe [ never ] [ builtins.length ];
    expected = 1;
  };
  testUnionOfDisjointChecksLate = {
    expr = (lib.attrsets.unionOfDisjoint { a = 1; b = 2; } { b = 3; }).a;
    expected = 1;
  };
  testUnionOfDisjointChecks = {
    expr = (builtins.tryEval (lib.attrsets.unionOfDisjoint { b = 2; } { b = 3; }).b).success;
    expected = false;
  };
  testLongListsNeedNoStack = {
    expr = [
      (lib.lists.commonPrefix (lib.range 1 100000) (lib.range 1 100000) == lib.range 1 100000)
      (lib.compareLists lib.compare (lib.range 1 100000) (lib.range 1 100000))
      (lib.findFirst (x: x == 100000) null (lib.range 1 100000))
    ];
    expected = [
      true
      0
      100000
    ];
  };
  testLazyDerivationNames = {
    expr = builtins.attrNames (lib.lazyDerivation { derivation = never; });
    expected = [
      "drvPath"
      "meta"
      "name"
      "out"
      "outPath"
      "outputName"
      "outputs"
      "system"
      "type"
    ];
  };
  testWarnIfEvaluatesTheConditionOnly = {
    expr = lib.warnIf false never 1;
    expected = 1;
  };
}
