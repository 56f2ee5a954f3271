# Looking at values while they are evaluated, and small test suites.
{ lib }:
let
  inherit (builtins)
    attrNames
    deepSeq
    filter
    isAttrs
    isList
    mapAttrs
    trace
    toJSON
    ;

  show = lib.generators.toPretty { allowPrettyValues = true; };

  # A value for printing whose sets and lists deeper than `depth` are only hinted at.
  upTo =
    depth: value:
    let
      hint = text: {
        __pretty = _: text;
        val = null;
      };
    in
    if isList value then
      if depth == 0 then hint "[…]" else map (upTo (depth - 1)) value
    else if isAttrs value && !lib.attrsets.isDerivation value then
      if depth == 0 then hint "{…}" else mapAttrs (_: upTo (depth - 1)) value
    else
      value;
in
rec {
  inherit (builtins) addErrorContext trace unsafeGetAttrPos;

  /**
    Prints a message if a condition holds, then gives the value.

    # Type
    `traceIf :: Bool -> String -> a -> a`

    # Example
    ```nix
    traceIf false "never printed" 3
    => 3
    ```
  */
  traceIf =
    pred: msg: x:
    if pred then trace msg x else x;

  /**
    Prints what a function makes of a value, then gives the value.

    # Type
    `traceValFn :: (a -> b) -> a -> a`

    # Example
    ```nix
    traceValFn (v: "value is ${v}") "foo"
    => "foo"
    ```
  */
  traceValFn = f: x: trace (f x) x;

  /**
    Prints a value and gives it.

    # Type
    `traceVal :: a -> a`
  */
  traceVal = traceValFn lib.trivial.id;

  /**
    Evaluates the first argument completely and prints it, then gives the second.

    # Type
    `traceSeq :: a -> b -> b`
  */
  traceSeq = x: y: trace (deepSeq x x) y;

  /**
    `traceSeq` down to a depth only; what lies deeper isn't evaluated.

    # Type
    `traceSeqN :: Int -> a -> b -> b`

    # Example
    ```nix
    traceSeqN 1 { a.b = throw "not evaluated"; } null
    => null
    ```
  */
  traceSeqN =
    depth: x: y:
    let
      text = show (upTo depth x);
    in
    trace (builtins.seq text text) y;

  /**
    `traceValFn` for a value that is evaluated completely before.

    # Type
    `traceValSeqFn :: (a -> b) -> a -> a`
  */
  traceValSeqFn = f: v: traceValFn f (deepSeq v v);

  /**
    `traceVal` for a value that is evaluated completely before.

    # Type
    `traceValSeq :: a -> a`
  */
  traceValSeq = traceValSeqFn lib.trivial.id;

  /**
    Prints what a function makes of a value, down to a depth, then gives the value.

    # Type
    `traceValSeqNFn :: (a -> b) -> Int -> a -> a`
  */
  traceValSeqNFn =
    f: depth: v:
    traceSeqN depth (f v) v;

  /**
    Prints a value down to a depth, and gives it.

    # Type
    `traceValSeqN :: Int -> a -> a`
  */
  traceValSeqN = traceValSeqNFn lib.trivial.id;

  /**
    Prints argument and result of a function, down to a depth; to be put around a call.

    # Type
    `traceFnSeqN :: Int -> String -> (a -> b) -> a -> b`
  */
  traceFnSeqN =
    depth: name: f: v:
    let
      res = f v;
    in
    traceSeqN (depth + 1) {
      fn = name;
      from = v;
      to = res;
    } res;

  /**
    Runs tests and lists those that fail. A test is an attribute whose name begins with `test`, with the
    expression and the result it should have; the attribute `tests`, if given, names those to run.

    # Type
    `runTests :: { tests :: [ String ]; ${name} :: { expr :: a; expected :: a; }; } -> [ { name :: String; expected :: a; result :: a; } ]`

    # Example
    ```nix
    runTests { testAdd = { expr = 1 + 1; expected = 3; }; testMul = { expr = 2 * 3; expected = 6; }; }
    => [ { name = "testAdd"; expected = 3; result = 2; } ]
    ```
  */
  runTests =
    tests:
    let
      chosen =
        if tests ? tests then name: builtins.elem name tests.tests else name: lib.hasPrefix "test" name;
      run = name: {
        inherit name;
        inherit (tests.${name}) expected;
        result = tests.${name}.expr;
      };
    in
    map run (
      filter (name: chosen name && tests.${name}.expr != tests.${name}.expected) (
        filter (name: name != "tests") (attrNames tests)
      )
    );

  /**
    Prints the failures that `runTests` found and ends with an error that holds them as JSON; null if
    there are none.

    # Type
    `throwTestFailures :: { failures :: [ { name :: String; expected :: a; result :: a; } ]; ... } -> null`

    # Example
    ```nix
    debug.throwTestFailures { failures = [ ]; }
    => null
    ```
  */
  throwTestFailures =
    {
      failures,
      description ? "tests",
    }:
    let
      count = toString (builtins.length failures);
      printed = builtins.foldl' (
        next: failure:
        trace "FAIL ${failure.name}:\nExpected: ${show failure.expected}\nResult:   ${show failure.result}" next
      ) null (lib.lists.reverseList failures);
    in
    if failures == [ ] then
      null
    else
      throw (
        builtins.seq printed "${count} ${description} failed:\n${
          lib.strings.concatMapStrings (failure: "- ${failure.name}\n") failures
        }\n${toJSON failures}"
      );

  /**
    A test for `runTests` that every element of a list is true.

    # Type
    `testAllTrue :: [ Bool ] -> { expr :: [ Bool ]; expected :: [ Bool ]; }`

    # Example
    ```nix
    runTests { testOrder = testAllTrue [ (1 < 2) ("a" < "b") ]; }
    => [ ]
    ```
  */
  testAllTrue = expr: {
    inherit expr;
    expected = map (_: true) expr;
  };
}
