# Reducing lists to one value, and grouping them.
{ lib }:
let
  inherit (builtins) elemAt filter length;
in
rec {
  /**
    Folds from the right, lazily: `foldr op nul [ a b ]` is `op a (op b nul)`.

    # Type
    `foldr :: (a -> b -> b) -> b -> [ a ] -> b`

    # Example
    ```nix
    foldr (x: rest: "${x}(${rest})") "" [ "a" "b" ]
    => "a(b())"
    ```
  */
  foldr =
    op: nul: list:
    let
      size = length list;
      from = n: if n == size then nul else op (elemAt list n) (from (n + 1));
    in
    from 0;

  /**
    Old name of `foldr`.

    # Type
    `fold :: (a -> b -> b) -> b -> [ a ] -> b`
  */
  fold =
    if lib.trivial.oldestSupportedReleaseIsAtLeast 2511 then
      lib.warn "fold has been deprecated, use foldr instead" foldr
    else
      foldr;

  /**
    Folds from the left, lazily: `foldl op nul [ a b ]` is `op (op nul a) b`.
    `foldl'` needs no stack and is nearly always what is wanted.

    # Type
    `foldl :: (b -> a -> b) -> b -> [ a ] -> b`

    # Example
    ```nix
    foldl (acc: x: "(${acc})${x}") "" [ "a" "b" ]
    => "(()a)b"
    ```
  */
  foldl =
    op: nul: list:
    let
      upTo = n: if n == 0 then nul else op (upTo (n - 1)) (elemAt list (n - 1));
    in
    upTo (length list);

  /**
    Folds from the left and evaluates every intermediate result, the start value too.

    # Type
    `foldl' :: (b -> a -> b) -> b -> [ a ] -> b`

    # Example
    ```nix
    foldl' (acc: x: acc + x) 0 [ 1 2 3 ]
    => 6
    ```
  */
  foldl' =
    op: acc:
    # The builtin of some versions takes the start value as it is.
    builtins.seq acc (builtins.foldl' op acc);

  /**
    How many elements satisfy a predicate.

    # Type
    `count :: (a -> Bool) -> [ a ] -> Int`

    # Example
    ```nix
    count (x: x > 1) [ 1 2 3 ]
    => 2
    ```
  */
  count = pred: list: length (filter pred list);

  /**
    Groups elements by a key and folds each group.

    # Type
    `groupBy' :: (b -> a -> b) -> b -> (a -> String) -> [ a ] -> { [String] :: b }`

    # Example
    ```nix
    groupBy' (n: x: n + x) 0 (x: if x > 2 then "big" else "small") [ 1 2 3 4 ]
    => { big = 7; small = 3; }
    ```
  */
  groupBy' =
    op: nul: pred: list:
    builtins.mapAttrs (_: builtins.foldl' op nul) (groupBy pred list);

  /**
    Groups elements into a set of lists by a key; order within a group is kept.

    # Type
    `groupBy :: (a -> String) -> [ a ] -> { [String] :: [ a ] }`

    # Example
    ```nix
    groupBy (x: if x > 2 then "big" else "small") [ 1 3 2 ]
    => { big = [ 3 ]; small = [ 1 2 ]; }
    ```
  */
  groupBy = builtins.groupBy;

  /**
    Compares two lists as words in a dictionary are, with a comparison for elements.

    # Type
    `compareLists :: (a -> a -> Int) -> [ a ] -> [ a ] -> Int`

    # Example
    ```nix
    map (compareLists compare [ 1 2 ]) [ [ 1 3 ] [ 1 2 ] [ 1 ] ]
    => [ (-1) 0 1 ]
    ```
  */
  compareLists =
    cmp: a: b:
    let
      sizeA = length a;
      sizeB = length b;
      size = if sizeA < sizeB then sizeA else sizeB;
      # Without recursion, for lists may be long.
      rel = builtins.foldl' (rel: n: if rel != 0 then rel else cmp (elemAt a n) (elemAt b n)) 0 (
        builtins.genList (n: n) size
      );
    in
    if rel != 0 then rel else lib.trivial.compare sizeA sizeB;
}
