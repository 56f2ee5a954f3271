# Parts of lists: both ends, ranges, prefixes.
{ lib }:
let
  inherit (builtins) elemAt genList length;

  atMost = a: b: if a < b then a else b;
  atLeast0 = n: if n < 0 then 0 else n;
in
rec {
  /**
    The first `count` elements, or all if there are fewer.

    # Type
    `take :: Int -> [ a ] -> [ a ]`

    # Example
    ```nix
    take 2 [ "a" "b" "c" ]
    => [ "a" "b" ]
    ```
  */
  take = count: sublist 0 count;

  /**
    The last `count` elements, or all if there are fewer.

    # Type
    `takeEnd :: Int -> [ a ] -> [ a ]`

    # Example
    ```nix
    takeEnd 2 [ "a" "b" "c" ]
    => [ "b" "c" ]
    ```
  */
  takeEnd = count: list: drop (atLeast0 (length list - count)) list;

  /**
    The list without its first `count` elements.

    # Type
    `drop :: Int -> [ a ] -> [ a ]`

    # Example
    ```nix
    drop 2 [ "a" "b" "c" ]
    => [ "c" ]
    ```
  */
  drop = count: list: sublist count (length list) list;

  /**
    The list without its last `count` elements.

    # Type
    `dropEnd :: Int -> [ a ] -> [ a ]`

    # Example
    ```nix
    dropEnd 2 [ "a" "b" "c" ]
    => [ "a" ]
    ```
  */
  dropEnd = count: list: take (atLeast0 (length list - count)) list;

  /**
    At most `count` elements from the position `start` (from 0) on.

    # Type
    `sublist :: Int -> Int -> [ a ] -> [ a ]`

    # Example
    ```nix
    sublist 1 2 [ "a" "b" "c" "d" ]
    => [ "b" "c" ]
    ```
  */
  sublist =
    start: count: list:
    genList (n: elemAt list (n + start)) (atLeast0 (atMost count (length list - start)));

  /**
    The last element; an error if there is none.

    # Type
    `last :: [ a ] -> a`

    # Example
    ```nix
    last [ 1 2 3 ]
    => 3
    ```
  */
  last =
    list:
    assert lib.assertMsg (list != [ ]) "lists.last: list must not be empty!";
    elemAt list (length list - 1);

  /**
    All elements but the last; an error if there is none.

    # Type
    `init :: [ a ] -> [ a ]`

    # Example
    ```nix
    init [ 1 2 3 ]
    => [ 1 2 ]
    ```
  */
  init =
    list:
    assert lib.assertMsg (list != [ ]) "lists.init: list must not be empty!";
    genList (elemAt list) (length list - 1);

  /**
    Whether the second list begins with the first.

    # Type
    `hasPrefix :: [ a ] -> [ a ] -> Bool`

    # Example
    ```nix
    lists.hasPrefix [ 1 2 ] [ 1 2 3 ]
    => true
    ```
  */
  hasPrefix = prefix: list: take (length prefix) list == prefix;

  /**
    The second list without the first at its beginning; an error if it doesn't begin with it.

    # Type
    `removePrefix :: [ a ] -> [ a ] -> [ a ]`

    # Example
    ```nix
    lists.removePrefix [ 1 2 ] [ 1 2 3 ]
    => [ 3 ]
    ```
  */
  removePrefix =
    prefix: list:
    if hasPrefix prefix list then
      drop (length prefix) list
    else
      throw "lib.lists.removePrefix: First argument is not a list prefix of the second argument";

  /**
    The longest list that both lists begin with.

    # Type
    `commonPrefix :: [ a ] -> [ a ] -> [ a ]`

    # Example
    ```nix
    lists.commonPrefix [ 1 2 3 ] [ 1 2 4 ]
    => [ 1 2 ]
    ```
  */
  commonPrefix =
    list1: list2:
    let
      size = atMost (length list1) (length list2);
      # The first place where they differ; found without recursion, for lists may be long.
      different = lib.lists.findFirstIndex (n: elemAt list1 n != elemAt list2 n) size (genList (n: n) size);
    in
    take different list1;
}
