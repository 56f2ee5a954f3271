# Lists as sets: no duplicates, what is in both, what is in one only.
{ ... }:
let
  inherit (builtins)
    all
    attrNames
    elem
    filter
    foldl'
    length
    listToAttrs
    ;
in
rec {
  /**
    Drops elements that equal an earlier one. Takes quadratic time;
    see `uniqueStrings` for strings whose order doesn't matter.

    # Type
    `unique :: [ a ] -> [ a ]`

    # Example
    ```nix
    unique [ 3 2 3 4 ]
    => [ 3 2 4 ]
    ```
  */
  unique = foldl' (seen: e: if elem e seen then seen else seen ++ [ e ]) [ ];

  /**
    The different strings of a list, sorted. The strings must have no context.

    # Type
    `uniqueStrings :: [ String ] -> [ String ]`

    # Example
    ```nix
    uniqueStrings [ "b" "a" "b" ]
    => [ "a" "b" ]
    ```
  */
  uniqueStrings =
    list:
    attrNames (
      listToAttrs (
        map (name: {
          inherit name;
          value = null;
        }) list
      )
    );

  /**
    Whether no two elements are equal. Takes quadratic time.

    # Type
    `allUnique :: [ a ] -> Bool`

    # Example
    ```nix
    map allUnique [ [ 1 2 ] [ 1 1 ] ]
    => [ true false ]
    ```
  */
  allUnique = list: length (unique list) == length list;

  /**
    The elements of the second list that are in the first.

    # Type
    `intersectLists :: [ a ] -> [ a ] -> [ a ]`

    # Example
    ```nix
    intersectLists [ 1 2 3 ] [ 6 3 2 ]
    => [ 3 2 ]
    ```
  */
  intersectLists = e: filter (x: elem x e);

  /**
    The elements of the second list that aren't in the first.

    # Type
    `subtractLists :: [ a ] -> [ a ] -> [ a ]`

    # Example
    ```nix
    subtractLists [ 3 2 ] [ 1 2 3 4 ]
    => [ 1 4 ]
    ```
  */
  subtractLists = e: filter (x: !elem x e);

  /**
    Whether two lists have no element in common.

    # Type
    `mutuallyExclusive :: [ a ] -> [ a ] -> Bool`

    # Example
    ```nix
    mutuallyExclusive [ 1 2 ] [ 3 ]
    => true
    ```
  */
  mutuallyExclusive = a: b: a == [ ] || all (x: !elem x a) b;
}
