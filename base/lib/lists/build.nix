# Making lists: from values, conditions, numbers, and other lists, element by element.
{ lib }:
let
  inherit (builtins)
    concatLists
    concatMap
    elemAt
    genList
    isList
    length
    ;
in
rec {
  /**
    The list of one element.

    # Type
    `singleton :: a -> [ a ]`

    # Example
    ```nix
    singleton "x"
    => [ "x" ]
    ```
  */
  singleton = x: [ x ];

  /**
    The element in a list if the condition holds, else the empty list.

    # Type
    `optional :: Bool -> a -> [ a ]`

    # Example
    ```nix
    optional true 1 ++ optional false 2
    => [ 1 ]
    ```
  */
  optional = cond: elem: if cond then [ elem ] else [ ];

  /**
    The list if the condition holds, else the empty list.

    # Type
    `optionals :: Bool -> [ a ] -> [ a ]`

    # Example
    ```nix
    optionals true [ 1 2 ] ++ optionals false [ 3 ]
    => [ 1 2 ]
    ```
  */
  optionals = cond: elems: if cond then elems else [ ];

  /**
    A list stays as it is; anything else is put into a list of its own.

    # Type
    `toList :: a | [ a ] -> [ a ]`

    # Example
    ```nix
    map toList [ 1 [ 2 ] ]
    => [ [ 1 ] [ 2 ] ]
    ```
  */
  toList = x: if isList x then x else [ x ];

  /**
    The integers from the first to the last, both included; empty if the last is less than the first.

    # Type
    `range :: Int -> Int -> [ Int ]`

    # Example
    ```nix
    range 2 4
    => [ 2 3 4 ]
    ```
  */
  range = first: last: if first > last then [ ] else genList (n: first + n) (last - first + 1);

  /**
    A list of `n` times the same element.

    # Type
    `replicate :: Int -> a -> [ a ]`

    # Example
    ```nix
    replicate 3 "v"
    => [ "v" "v" "v" ]
    ```
  */
  replicate = n: elem: genList (_: elem) n;

  /**
    `map` with its arguments swapped, so that a long function comes last.

    # Type
    `forEach :: [ a ] -> (a -> b) -> [ b ]`

    # Example
    ```nix
    forEach [ 1 2 ] toString
    => [ "1" "2" ]
    ```
  */
  forEach = xs: f: map f xs;

  /**
    `map` with a function that also gets the position, counted from 0.

    # Type
    `imap0 :: (Int -> a -> b) -> [ a ] -> [ b ]`

    # Example
    ```nix
    imap0 (i: v: "${v}-${toString i}") [ "a" "b" ]
    => [ "a-0" "b-1" ]
    ```
  */
  imap0 = f: list: genList (n: f n (elemAt list n)) (length list);

  /**
    `map` with a function that also gets the position, counted from 1.

    # Type
    `imap1 :: (Int -> a -> b) -> [ a ] -> [ b ]`

    # Example
    ```nix
    imap1 (i: v: "${v}-${toString i}") [ "a" "b" ]
    => [ "a-1" "b-2" ]
    ```
  */
  imap1 = f: list: genList (n: f (n + 1) (elemAt list n)) (length list);

  /**
    Keeps the elements for which a function of position (from 0) and value gives true.

    # Type
    `ifilter0 :: (Int -> a -> Bool) -> [ a ] -> [ a ]`

    # Example
    ```nix
    ifilter0 (i: v: i == 0 || v > 2) [ 1 2 3 ]
    => [ 1 3 ]
    ```
  */
  ifilter0 =
    pred: list:
    map (elemAt list) (builtins.filter (i: pred i (elemAt list i)) (genList (i: i) (length list)));

  /**
    Takes the lists in a list apart, at any depth, into one flat list.

    # Type
    `flatten :: [ a | [ a | [ … ] ] ] -> [ a ]`

    # Example
    ```nix
    flatten [ 1 [ 2 [ 3 ] 4 ] 5 ]
    => [ 1 2 3 4 5 ]
    ```
  */
  flatten = x: if isList x then concatMap flatten x else [ x ];

  /**
    Joins two lists element by element with a function; the shorter one gives the length.

    # Type
    `zipListsWith :: (a -> b -> c) -> [ a ] -> [ b ] -> [ c ]`

    # Example
    ```nix
    zipListsWith (a: b: a + b) [ "h" "l" ] [ "e" "o" "x" ]
    => [ "he" "lo" ]
    ```
  */
  zipListsWith =
    f: fst: snd:
    genList (n: f (elemAt fst n) (elemAt snd n)) (
      let
        a = length fst;
        b = length snd;
      in
      if a < b then a else b
    );

  /**
    Joins two lists into pairs `{ fst, snd }`; the shorter one gives the length.

    # Type
    `zipLists :: [ a ] -> [ b ] -> [ { fst :: a; snd :: b; } ]`

    # Example
    ```nix
    zipLists [ 1 2 ] [ "a" "b" ]
    => [ { fst = 1; snd = "a"; } { fst = 2; snd = "b"; } ]
    ```
  */
  zipLists = zipListsWith (fst: snd: { inherit fst snd; });

  /**
    The elements in the opposite order.

    # Type
    `reverseList :: [ a ] -> [ a ]`

    # Example
    ```nix
    reverseList [ 1 2 3 ]
    => [ 3 2 1 ]
    ```
  */
  reverseList =
    xs:
    let
      end = length xs - 1;
    in
    genList (n: elemAt xs (end - n)) (end + 1);

  /**
    All lists of a set after one another, in the order of their names.

    # Type
    `concatAttrValues :: { [String] :: [ a ] } -> [ a ]`

    # Example
    ```nix
    concatAttrValues { b = [ 3 ]; a = [ 1 2 ]; }
    => [ 1 2 3 ]
    ```
  */
  concatAttrValues = set: concatLists (builtins.attrValues set);

  /**
    Calls a function with every combination of elements of several lists.
    Deprecated: `lib.mapCartesianProduct` names its arguments.

    # Type
    `crossLists :: (a -> b -> … -> c) -> [ [ a ] [ b ] … ] -> [ c ]`

    # Example
    ```nix
    crossLists (x: y: "${toString x}${toString y}") [ [ 1 2 ] [ 3 4 ] ]
    => [ "13" "14" "23" "24" ]
    ```
  */
  crossLists =
    lib.warn
      "lib.crossLists is deprecated, use lib.mapCartesianProduct instead. See the nixpkgs manual for an example."
      (f: builtins.foldl' (fs: args: concatMap (f: map f args) fs) [ f ]);

  /**
    The list with its `index`-th element (from 0) replaced; the index must be inside the list.

    # Type
    `replaceElemAt :: [ a ] -> Int -> a -> [ a ]`

    # Example
    ```nix
    replaceElemAt [ 1 2 3 ] 1 "x"
    => [ 1 "x" 3 ]
    ```
  */
  replaceElemAt =
    list: index: newElem:
    assert lib.assertMsg (index >= 0 && index < length list)
      "'lists.replaceElemAt' called with index ${toString index} on a list of size ${toString (length list)}";
    genList (i: if i == index then newElem else elemAt list i) (length list);
}
