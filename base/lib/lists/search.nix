# Finding elements.
{ ... }:
let
  inherit (builtins) elemAt filter length;
in
rec {
  /**
    The list without the elements that equal the given one.

    # Type
    `remove :: a -> [ a ] -> [ a ]`

    # Example
    ```nix
    remove 3 [ 1 3 4 3 ]
    => [ 1 4 ]
    ```
  */
  remove = e: filter (x: x != e);

  /**
    The only element that satisfies a predicate; one of two other values if none or several do.

    # Type
    `findSingle :: (a -> Bool) -> b -> b -> [ a ] -> a | b`

    # Example
    ```nix
    map (findSingle (x: x == 3) "none" "several") [ [ 1 3 ] [ 1 ] [ 3 3 ] ]
    => [ 3 "none" "several" ]
    ```
  */
  findSingle =
    pred: default: multiple: list:
    let
      found = filter pred list;
      size = length found;
    in
    if size == 0 then
      default
    else if size == 1 then
      elemAt found 0
    else
      multiple;

  /**
    The position (from 0) of the first element that satisfies a predicate, else the default.
    Evaluates no element after that one.

    # Type
    `findFirstIndex :: (a -> Bool) -> b -> [ a ] -> Int | b`

    # Example
    ```nix
    lists.findFirstIndex (x: x > 3) null [ 1 6 4 ]
    => 1
    ```
  */
  findFirstIndex =
    pred: default: list:
    let
      # foldl' needs no stack, whatever the length; once found, the rest is only counted through.
      index = builtins.foldl' (
        i: el:
        if i >= 0 then
          i
        else if pred el then
          -i - 1
        else
          i - 1
      ) (-1) list;
    in
    if index < 0 then default else index;

  /**
    The first element that satisfies a predicate, else the default.

    # Type
    `findFirst :: (a -> Bool) -> b -> [ a ] -> a | b`

    # Example
    ```nix
    findFirst (x: x > 3) 7 [ 1 6 4 ]
    => 6
    ```
  */
  findFirst =
    pred: default: list:
    let
      index = findFirstIndex pred null list;
    in
    if index == null then default else elemAt list index;
}
