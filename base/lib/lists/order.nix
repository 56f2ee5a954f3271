# Sorting and dependency order.
{ lib }:
let
  inherit (builtins)
    concatMap
    elemAt
    filter
    head
    isString
    length
    partition
    split
    tail
    ;
in
rec {
  /**
    Sorts by a key, computed once for every element. Elements with equal keys keep their order.

    # Type
    `sortOn :: (a -> b) -> [ a ] -> [ a ]`

    # Example
    ```nix
    sortOn builtins.stringLength [ "aa" "b" "cccc" ]
    => [ "b" "aa" "cccc" ]
    ```
  */
  sortOn =
    f: list:
    map (pair: elemAt pair 1) (
      builtins.sort (a: b: head a < head b) (
        map (x: [
          (f x)
          x
        ]) list
      )
    );

  /**
    Sorts strings so that numbers inside them count as numbers.

    # Type
    `naturalSort :: [ String ] -> [ String ]`

    # Example
    ```nix
    naturalSort [ "disk11" "disk8" "disk100" ]
    => [ "disk8" "disk11" "disk100" ]
    ```
  */
  naturalSort = sortOn (
    text: map (part: if isString part then part else lib.strings.toIntBase10 (head part)) (split "(0|[1-9][0-9]*)" text)
  );

  /**
    Walks depth-first from the first element to the elements that must come before it.
    `before a b` says that `b` depends on `a`. Gives `{ minimal, visited, rest }` when it reaches an
    element that depends on none of the others, `{ cycle, loops, visited, rest }` when it runs into
    itself and `stopOnCycles` is set.

    # Type
    `listDfs :: Bool -> (a -> a -> Bool) -> [ a ] -> { minimal :: a; visited :: [ a ]; rest :: [ a ]; } | { cycle :: a; loops :: [ a ]; visited :: [ a ]; rest :: [ a ]; }`

    # Example
    ```nix
    listDfs true hasPrefix [ "/home/user" "other" "/" "/home" ]
    => { minimal = "/"; visited = [ "/home/user" ]; rest = [ "/home" "other" ]; }
    ```
  */
  listDfs =
    stopOnCycles: before: list:
    let
      walk =
        us: visited: rest:
        let
          loops = filter (x: before x us) visited;
          parents = partition (x: before x us) rest;
        in
        if stopOnCycles && loops != [ ] then
          {
            cycle = us;
            inherit loops visited rest;
          }
        else if parents.right == [ ] then
          {
            minimal = us;
            inherit visited rest;
          }
        else
          walk (head parents.right) ([ us ] ++ visited) (tail parents.right ++ parents.wrong);
    in
    walk (head list) [ ] (tail list);

  /**
    Sorts by a partial order: `before a b` says that `b` comes after `a`. Gives `{ result }`, or
    `{ cycle, loops }` where there is no such order. Takes quadratic time.

    # Type
    `toposort :: (a -> a -> Bool) -> [ a ] -> { result :: [ a ]; } | { cycle :: [ a ]; loops :: [ a ]; }`

    # Example
    ```nix
    toposort hasPrefix [ "/home/user" "other" "/" "/home" ]
    => { result = [ "/" "/home" "/home/user" "other" ]; }
    ```
  */
  toposort =
    before: list:
    let
      step = listDfs true before list;
      others = toposort before (step.visited ++ step.rest);
    in
    if length list < 2 then
      { result = list; }
    else if step ? cycle then
      {
        cycle = lib.lists.reverseList ([ step.cycle ] ++ step.visited);
        inherit (step) loops;
      }
    else if others ? cycle then
      others
    else
      { result = [ step.minimal ] ++ others.result; };
}
