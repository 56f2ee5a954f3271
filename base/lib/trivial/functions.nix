# What is done with functions, and the operators as functions.
{ lib }:
rec {
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
  bitNot = builtins.sub (-1);

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
}
