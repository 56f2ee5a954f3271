# Numbers: which is greater, and how they are written.
{ lib }:
let
  inherit (builtins)
    div
    elemAt
    isInt
    sub
    substring
    ;

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
in
rec {
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
        builtins.genList (i: i) width
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
}
