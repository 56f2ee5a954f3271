# The small change of the language: function plumbing, logic, numbers, comparison, warnings,
# function arguments, and what is known about this release.
{ lib }:
let
  inherit (builtins)
    div
    elemAt
    getEnv
    isInt

    pathExists
    substring
    trace
    ;

  # Magenta, as the evaluator prints warnings itself.
  label = builtins.fromJSON ''"\u001b[1;35mevaluation warning:\u001b[0m "'';

  # The warning text goes to builtins.warn where the evaluator has one (2.23 and later).
  warnWith =
    builtins.warn or (
      let
        aborting = builtins.elem (getEnv "NIX_ABORT_ON_WARN") [
          "1"
          "true"
          "yes"
        ];
      in
      if aborting then
        message: _:
        trace (label + message) (
          abort "NIX_ABORT_ON_WARN=true; warnings are treated as unrecoverable errors."
        )
      else
        message: value: trace (label + message) value
    );

  hexDigits = "0123456789ABCDEF";

  digitValues =
    builtins.listToAttrs (
      builtins.genList (value: {
        name = substring value 1 hexDigits;
        inherit value;
      }) 16
    )
    // {
      a = 10;
      b = 11;
      c = 12;
      d = 13;
      e = 14;
      f = 15;
    };

  releaseFile = builtins.readFile ./.version;
in
rec {
  inherit (builtins)
    add
    bitAnd
    bitOr
    bitXor
    ceil
    deepSeq
    floor
    genericClosure
    isBool
    isFloat
    isInt
    lessThan
    mul
    pathExists
    readFile
    seq
    sub
    ;
  inherit div;

  ## Functions

  /**
    Gives its argument back.

    # Type
    `id :: a -> a`

    # Example
    ```nix
    id "x"
    => "x"
    ```
  */
  id = x: x;

  /**
    A function that ignores its second argument.

    # Type
    `const :: a -> b -> a`

    # Example
    ```nix
    map (const 0) [ 1 2 ]
    => [ 0 0 ]
    ```
  */
  const = x: _: x;

  /**
    Sends a value through a list of functions, the first one first.

    # Type
    `pipe :: a -> [ (a -> b) (b -> c) … (y -> z) ] -> z`

    # Example
    ```nix
    pipe 2 [ (x: x + 1) toString (s: "<${s}>") ]
    => "<3>"
    ```
  */
  pipe = builtins.foldl' (value: f: f value);

  /**
    Swaps the two arguments of a function.

    # Type
    `flip :: (a -> b -> c) -> b -> a -> c`

    # Example
    ```nix
    flip concat [ 1 ] [ 2 ]
    => [ 2 1 ]
    ```
  */
  flip =
    f: b: a:
    f a b;

  /**
    Turns anything that can't be called into a function that always gives it;
    functions and functors come back as they are.

    # Type
    `toFunction :: (a -> b) | b -> (a -> b)`

    # Example
    ```nix
    toFunction { a = 1; } "ignored"
    => { a = 1; }
    ```
  */
  toFunction = v: if isFunction v then v else _: v;

  ## Values that may be null

  /**
    The value, or the default where the value is null.

    # Type
    `defaultTo :: a -> b | null -> a | b`

    # Example
    ```nix
    map (defaultTo "none") [ null "some" ]
    => [ "none" "some" ]
    ```
  */
  defaultTo = default: maybeValue: if maybeValue == null then default else maybeValue;

  /**
    Applies a function unless the argument is null; null stays null.

    # Type
    `mapNullable :: (a -> b) -> a | null -> b | null`

    # Example
    ```nix
    map (mapNullable (x: x + 1)) [ 1 null ]
    => [ 2 null ]
    ```
  */
  mapNullable = f: a: if a == null then null else f a;

  ## Logic

  /**
    The operator `||` as a function.

    # Type
    `or :: Bool -> Bool -> Bool`
  */
  "or" = x: y: x || y;

  /**
    The operator `&&` as a function.

    # Type
    `and :: Bool -> Bool -> Bool`

    # Example
    ```nix
    and true false
    => false
    ```
  */
  and = x: y: x && y;

  /**
    Whether exactly one of two booleans holds.

    # Type
    `xor :: Bool -> Bool -> Bool`

    # Example
    ```nix
    xor true true
    => false
    ```
  */
  xor = x: y: x != y;

  /**
    Inverts every bit of an integer.

    # Type
    `bitNot :: Int -> Int`

    # Example
    ```nix
    bitNot 5
    => (-6)
    ```
  */
  bitNot = sub (-1);

  /**
    `"true"` or `"false"`. (`toString` gives `"1"` and `""`.)

    # Type
    `boolToString :: Bool -> String`

    # Example
    ```nix
    map boolToString [ true false ]
    => [ "true" "false" ]
    ```
  */
  boolToString = b: if b then "true" else "false";

  /**
    `"yes"` or `"no"`.

    # Type
    `boolToYesNo :: Bool -> String`

    # Example
    ```nix
    map boolToYesNo [ true false ]
    => [ "yes" "no" ]
    ```
  */
  boolToYesNo = b: if b then "yes" else "no";

  ## Operators as functions

  /**
    The operator `++` as a function.

    # Type
    `concat :: [ a ] -> [ a ] -> [ a ]`

    # Example
    ```nix
    concat [ 1 ] [ 2 ]
    => [ 1 2 ]
    ```
  */
  concat = x: y: x ++ y;

  /**
    The operator `//` as a function: attributes of the second set win.

    # Type
    `mergeAttrs :: AttrSet -> AttrSet -> AttrSet`

    # Example
    ```nix
    mergeAttrs { a = 1; b = 2; } { b = 3; }
    => { a = 1; b = 3; }
    ```
  */
  mergeAttrs = x: y: x // y;

  ## Numbers and order

  /**
    The smaller of two numbers.

    # Type
    `min :: Number -> Number -> Number`

    # Example
    ```nix
    min 3 2
    => 2
    ```
  */
  min = x: y: if x < y then x else y;

  /**
    The greater of two numbers.

    # Type
    `max :: Number -> Number -> Number`

    # Example
    ```nix
    max 3 2
    => 3
    ```
  */
  max = x: y: if x > y then x else y;

  /**
    The remainder of an integer division; it has the sign of the dividend.

    # Type
    `mod :: Int -> Int -> Int`

    # Example
    ```nix
    map (n: mod n 3) [ 7 (-7) ]
    => [ 1 (-1) ]
    ```
  */
  mod = base: n: base - n * div base n;

  /**
    Compares two values: negative, zero or positive as the first is less, equal or greater.

    # Type
    `compare :: a -> a -> Int`

    # Example
    ```nix
    [ (compare 1 2) (compare "b" "a") (compare 3 3) ]
    => [ (-1) 1 0 ]
    ```
  */
  compare =
    a: b:
    if a < b then
      -1
    else if a > b then
      1
    else
      0;

  /**
    Builds a comparison from three parts: values that satisfy `p` come before those that don't;
    within the two kinds `yes` and `no` decide.

    # Type
    `splitByAndCompare :: (a -> Bool) -> (a -> a -> Int) -> (a -> a -> Int) -> a -> a -> Int`

    # Example
    ```nix
    let cmp = splitByAndCompare (hasPrefix "foo") compare compare; in [ (cmp "a" "z") (cmp "fooa" "a") (cmp "a" "fooa") ]
    => [ (-1) (-1) 1 ]
    ```
  */
  splitByAndCompare =
    p: yes: no: a: b:
    if p a then
      (if p b then yes a b else -1)
    else if p b then
      1
    else
      no a b;

  /**
    Reads a hexadecimal number, of either case, with or without `0x`, up to the greatest integer.

    # Type
    `fromHexString :: String -> Int`

    # Example
    ```nix
    map fromHexString [ "FF" "0x1f" ]
    => [ 255 31 ]
    ```
  */
  fromHexString =
    text:
    let
      match = builtins.match "(0x)?([0-9a-fA-F]+)" text;
      digits = elemAt match 1;
      width = builtins.stringLength digits;
      value = builtins.foldl' (acc: i: acc * 16 + digitValues.${substring i 1 digits}) 0 (
        builtins.genList id width
      );
      # Leading zeroes are no digits that count.
      significant = elemAt (builtins.match "0*(.*)" digits) 0;
      size = builtins.stringLength significant;
      tooBig = size > 16 || size == 16 && digitValues.${substring 0 1 significant} > 7;
    in
    if match == null then
      throw "lib.fromHexString: ${builtins.toJSON text} is not a hexadecimal number"
    else if tooBig then
      throw "lib.fromHexString: ${text} does not fit into an integer of 64 bits"
    else
      value;

  /**
    Writes a non-negative integer in hexadecimal digits, in capitals.

    # Type
    `toHexString :: Int -> String`

    # Example
    ```nix
    toHexString 250
    => "FA"
    ```
  */
  toHexString =
    i: builtins.concatStringsSep "" (map (d: substring d 1 hexDigits) (toBaseDigits 16 i));

  /**
    The digits of a non-negative integer in a given base, the most significant one first.

    # Type
    `toBaseDigits :: Int -> Int -> [ Int ]`

    # Example
    ```nix
    toBaseDigits 2 6
    => [ 1 1 0 ]
    ```
  */
  toBaseDigits =
    base: i:
    let
      go = n: tail: if n < base then [ n ] ++ tail else go (div n base) ([ (mod n base) ] ++ tail);
    in
    assert isInt base && base >= 2;
    assert isInt i && i >= 0;
    go i [ ];

  ## Files of data

  /**
    Reads a JSON file as a value.

    # Type
    `importJSON :: Path -> Any`
  */
  importJSON = path: builtins.fromJSON (builtins.readFile path);

  /**
    Reads a TOML file as a value.

    # Type
    `importTOML :: Path -> Any`
  */
  importTOML = path: builtins.fromTOML (builtins.readFile path);

  ## Warnings and errors

  /**
    Prints a warning when the value is evaluated. With `abort-on-warn` (or `NIX_ABORT_ON_WARN`)
    evaluation ends there.

    # Type
    `warn :: String -> a -> a`
  */
  warn = warnWith;

  /**
    `warn` if a condition holds.

    # Type
    `warnIf :: Bool -> String -> a -> a`

    # Example
    ```nix
    warnIf false "never printed" 1
    => 1
    ```
  */
  warnIf = cond: message: if cond then warn message else id;

  /**
    `warn` unless a condition holds.

    # Type
    `warnIfNot :: Bool -> String -> a -> a`

    # Example
    ```nix
    warnIfNot true "never printed" 1
    => 1
    ```
  */
  warnIfNot = cond: message: if cond then id else warn message;

  /**
    The identity function if the condition holds, else an error with the given text.
    Several may be written one after the other before a value.

    # Type
    `throwIfNot :: Bool -> String -> a -> a`

    # Example
    ```nix
    throwIfNot (1 < 2) "numbers are broken" "fine"
    => "fine"
    ```
  */
  throwIfNot = cond: message: if cond then id else throw message;

  /**
    An error with the given text if the condition holds, else the identity function.

    # Type
    `throwIf :: Bool -> String -> a -> a`

    # Example
    ```nix
    throwIf (1 > 2) "numbers are broken" "fine"
    => "fine"
    ```
  */
  throwIf = cond: message: if cond then throw message else id;

  /**
    The identity function if every given value is among the valid ones, else an error that
    lists those that are not; `message` says what the list is.

    # Type
    `checkListOfEnum :: String -> [ a ] -> [ a ] -> b -> b`

    # Example
    ```nix
    checkListOfEnum "colours" [ "red" "blue" ] [ "red" ] "ok"
    => "ok"
    ```
  */
  checkListOfEnum =
    message: valid: given:
    let
      unexpected = builtins.filter (x: !builtins.elem x valid) given;
      show = builtins.concatMap (x: [ (toString x) ]);
    in
    throwIfNot (unexpected == [ ])
      "${message}: ${builtins.concatStringsSep ", " (show unexpected)} unexpected; valid ones: ${builtins.concatStringsSep ", " (show valid)}";

  /**
    Prints a message when the value is evaluated, without calling it a warning.

    # Type
    `info :: String -> a -> a`
  */
  info = message: trace "INFO: ${message}";

  /**
    Prints every warning of a list, then gives the value.

    # Type
    `showWarnings :: [ String ] -> a -> a`

    # Example
    ```nix
    showWarnings [ ] 1
    => 1
    ```
  */
  showWarnings = warnings: value: builtins.foldl' (rest: text: warn text rest) value (
    lib.lists.reverseList warnings
  );

  ## Function arguments

  /**
    Makes a callable set of a function, with its expected arguments stated by hand:
    name to "has a default".

    # Type
    `setFunctionArgs :: (a -> b) -> { [String] :: Bool } -> (a -> b)`

    # Example
    ```nix
    functionArgs (setFunctionArgs (args: args.x) { x = false; })
    => { x = false; }
    ```
  */
  setFunctionArgs = f: args: {
    __functor = _: f;
    __functionArgs = args;
  };

  /**
    The arguments that a function names in its pattern: name to "has a default".
    Knows of `setFunctionArgs` and of functors.

    # Type
    `functionArgs :: (a -> b) -> { [String] :: Bool }`

    # Example
    ```nix
    functionArgs ({ a, b ? 1 }: a)
    => { a = false; b = true; }
    ```
  */
  functionArgs =
    f:
    if f ? __functor then f.__functionArgs or (functionArgs (f.__functor f)) else builtins.functionArgs f;

  /**
    Whether a value can be called: a function, or a set with a `__functor` that is one.

    # Type
    `isFunction :: Any -> Bool`

    # Example
    ```nix
    map isFunction [ (x: x) { __functor = self: x: x; } 1 ]
    => [ true true false ]
    ```
  */
  isFunction = f: builtins.isFunction f || (f ? __functor && isFunction (f.__functor f));

  /**
    Gives the second function the stated arguments of the first.

    # Type
    `mirrorFunctionArgs :: (a -> b) -> (a -> c) -> (a -> c)`

    # Example
    ```nix
    functionArgs (mirrorFunctionArgs ({ a, b ? 1 }: a) (args: args))
    => { a = false; b = true; }
    ```
  */
  mirrorFunctionArgs =
    f:
    let
      args = functionArgs f;
    in
    if args == { } then id else g: setFunctionArgs g args;

  ## This release

  /**
    The release this library belongs to, as `"YY.MM"`.

    # Type
    `release :: String`
  */
  release = builtins.replaceStrings [ "\n" ] [ "" ] releaseFile;

  /**
    The oldest release that is still supported, as a number: `2605` for `26.05`.
    Warnings about what is deprecated wait until a replacement is in every supported release.

    # Type
    `oldestSupportedRelease :: Int`
  */
  oldestSupportedRelease = 2605;

  /**
    Whether every supported release is at least the given one (a number as `2605`).

    # Type
    `oldestSupportedReleaseIsAtLeast :: Int -> Bool`

    # Example
    ```nix
    oldestSupportedReleaseIsAtLeast 2311
    => true
    ```
  */
  oldestSupportedReleaseIsAtLeast = release: release <= oldestSupportedRelease;

  /**
    Old name of `oldestSupportedReleaseIsAtLeast`.

    # Type
    `isInOldestRelease :: Int -> Bool`
  */
  isInOldestRelease =
    warnIf (oldestSupportedReleaseIsAtLeast 2411)
      "lib.isInOldestRelease is deprecated. Use lib.oldestSupportedReleaseIsAtLeast instead."
      oldestSupportedReleaseIsAtLeast;

  /**
    The name of this release.

    # Type
    `codeName :: String`
  */
  codeName = "Firn";

  /**
    What follows the release in the version: read from `.version-suffix` beside the library's folder,
    else `"pre-git"`.

    # Type
    `versionSuffix :: String`
  */
  versionSuffix =
    let
      file = ../.version-suffix;
    in
    if pathExists file then lib.strings.fileContents file else "pre-git";

  /**
    The full version: release and suffix.

    # Type
    `version :: String`
  */
  version = release + versionSuffix;

  /**
    Old name of `version`.

    # Type
    `nixpkgsVersion :: String`
  */
  nixpkgsVersion = warn "lib.nixpkgsVersion is deprecated; use lib.version" version;

  /**
    The revision of this tree if it is known (a file `.git-revision` or a work tree of git),
    else the given default.

    # Type
    `revisionWithDefault :: String -> String`
  */
  revisionWithDefault =
    default:
    let
      file = "${toString ./..}/.git-revision";
      git = "${toString ./..}/.git";
    in
    if pathExists git then
      lib.sources.commitIdFromGitRepo git
    else if pathExists file then
      lib.strings.fileContents file
    else
      default;

  ## Where evaluation happens

  /**
    Whether evaluation was started by `nix-shell`.

    # Type
    `inNixShell :: Bool`
  */
  inNixShell = getEnv "IN_NIX_SHELL" != "";

  /**
    Whether evaluation is pure (as flakes are).

    # Type
    `inPureEvalMode :: Bool`
  */
  inPureEvalMode = !builtins ? currentSystem;
}
