# How much two strings differ.
{ ... }:
let
  inherit (builtins)
    elemAt
    genList
    stringLength
    substring
    ;

  atMost = a: b: if a < b then a else b;
in
rec {
  /**
    How many characters two strings have in common at their beginning.

    # Type
    `commonPrefixLength :: String -> String -> Int`

    # Example
    ```nix
    strings.commonPrefixLength "abcdef" "abcxyz"
    => 3
    ```
  */
  commonPrefixLength =
    a: b:
    let
      size = atMost (stringLength a) (stringLength b);
      go = i: if i < size && substring i 1 a == substring i 1 b then go (i + 1) else i;
    in
    go 0;

  /**
    How many characters two strings have in common at their end.

    # Type
    `commonSuffixLength :: String -> String -> Int`

    # Example
    ```nix
    strings.commonSuffixLength "uvwabc" "xyzabc"
    => 3
    ```
  */
  commonSuffixLength =
    a: b:
    let
      sizeA = stringLength a;
      sizeB = stringLength b;
      size = atMost sizeA sizeB;
      go =
        i:
        if i < size && substring (sizeA - i - 1) 1 a == substring (sizeB - i - 1) 1 b then
          go (i + 1)
        else
          i;
    in
    go 0;

  /**
    The Levenshtein distance: how many single characters must be inserted, deleted or replaced to turn
    one string into the other.

    # Type
    `levenshtein :: String -> String -> Int`

    # Example
    ```nix
    strings.levenshtein "kitten" "sitting"
    => 3
    ```
  */
  levenshtein =
    a: b:
    let
      sizeA = stringLength a;
      sizeB = stringLength b;

      # The table of distances between beginnings of a and b, row by row; the elements of a row refer
      # to their neighbours and are computed when needed.
      row =
        i: above:
        let
          char = substring (i - 1) 1 a;
          this = genList (
            j:
            if j == 0 then
              i
            else
              let
                diagonal = elemAt above (j - 1);
              in
              if substring (j - 1) 1 b == char then
                diagonal
              else
                1 + atMost diagonal (atMost (elemAt above j) (elemAt this (j - 1)))
          ) (sizeB + 1);
        in
        this;
    in
    elemAt (builtins.foldl' (above: i: row (i + 1) above) (genList (j: j) (sizeB + 1)) (
      genList (i: i) sizeA
    )) sizeB;

  /**
    Whether the Levenshtein distance is at most `k`; cheaper than computing it where strings are alike
    or differ in length.

    # Type
    `levenshteinAtMost :: Int -> String -> String -> Bool`

    # Example
    ```nix
    map (strings.levenshteinAtMost 1 "foo") [ "fo" "bar" ]
    => [ true false ]
    ```
  */
  levenshteinAtMost =
    k: a: b:
    let
      sizeA = stringLength a;
      sizeB = stringLength b;
      difference = if sizeA < sizeB then sizeB - sizeA else sizeA - sizeB;

      # Equal ends don't count.
      start = commonPrefixLength a b;
      restA = substring start (sizeA - start) a;
      restB = substring start (sizeB - start) b;
      end = commonSuffixLength restA restB;
      coreA = substring 0 (sizeA - start - end) restA;
      coreB = substring 0 (sizeB - start - end) restB;
    in
    k >= 0
    && difference <= k
    && (
      coreA == ""
      || coreB == ""
      || (
        if k <= 1 then
          # Both differ at either end: one replacement, or more than one change.
          k == 1 && stringLength coreA == 1 && stringLength coreB == 1
        else
          levenshtein coreA coreB <= k
      )
    );
}
