# Walking nested sets.
{ ... }:
let
  inherit (builtins)
    attrNames
    concatMap
    filter
    isAttrs
    mapAttrs
    removeAttrs
    ;
in
rec {
  /**
    `filterAttrs` on every level; what the predicate drops is not walked into.

    # Type
    `filterAttrsRecursive :: (String -> Any -> Bool) -> AttrSet -> AttrSet`

    # Example
    ```nix
    filterAttrsRecursive (_: value: value != null) { a.b = null; a.c = 1; d = null; }
    => { a.c = 1; }
    ```
  */
  filterAttrsRecursive =
    pred: set:
    mapAttrs (_: value: if isAttrs value then filterAttrsRecursive pred value else value) (
      removeAttrs set (filter (name: !pred name set.${name}) (attrNames set))
    );

  /**
    All values in nested sets (and the set itself) that satisfy a predicate; what satisfies it is not
    walked into.

    # Type
    `collect :: (Any -> Bool) -> AttrSet -> [ Any ]`

    # Example
    ```nix
    collect builtins.isList { a = { b = [ "b" ]; }; c = [ 1 ]; }
    => [ [ "b" ] [ 1 ] ]
    ```
  */
  collect =
    pred: value:
    if pred value then
      [ value ]
    else if isAttrs value then
      concatMap (name: collect pred value.${name}) (attrNames value)
    else
      [ ];

  /**
    Maps the leaves of nested sets; the function gets the path as a list of names, and the value.

    # Type
    `mapAttrsRecursive :: ([ String ] -> a -> b) -> AttrSet -> AttrSet`

    # Example
    ```nix
    mapAttrsRecursive (path: value: concatStringsSep "-" (path ++ [ value ])) { n.a = "A"; d = "D"; }
    => { n.a = "n-a-A"; d = "d-D"; }
    ```
  */
  mapAttrsRecursive = mapAttrsRecursiveCond (_: true);

  /**
    `mapAttrsRecursive` where a predicate says which sets are walked into; the others are leaves.
    The outermost set always is.

    # Type
    `mapAttrsRecursiveCond :: (AttrSet -> Bool) -> ([ String ] -> a -> b) -> AttrSet -> AttrSet`

    # Example
    ```nix
    mapAttrsRecursiveCond (set: !set ? stop) (path: value: builtins.length path) { a.b = 1; c.stop = 1; }
    => { a.b = 2; c = 1; }
    ```
  */
  mapAttrsRecursiveCond =
    cond: f:
    let
      walk =
        path:
        mapAttrs (
          name: value:
          let
            here = path ++ [ name ];
          in
          if isAttrs value && cond value then walk here value else f here value
        );
    in
    walk [ ];

  /**
    Calls a function for every leaf of nested sets and lists the results, ordered by path.

    # Type
    `mapAttrsToListRecursive :: ([ String ] -> a -> b) -> AttrSet -> [ b ]`

    # Example
    ```nix
    mapAttrsToListRecursive (path: value: "${showAttrPath path}=${toString value}") { n.a = 1; m = 2; }
    => [ "m=2" "n.a=1" ]
    ```
  */
  mapAttrsToListRecursive = mapAttrsToListRecursiveCond (_: _: true);

  /**
    `mapAttrsToListRecursive` where a predicate of path and set says which sets are walked into.

    # Type
    `mapAttrsToListRecursiveCond :: ([ String ] -> AttrSet -> Bool) -> ([ String ] -> a -> b) -> AttrSet -> [ b ]`

    # Example
    ```nix
    mapAttrsToListRecursiveCond (path: set: !set ? stop) (path: _: showAttrPath path) { a.b = 1; c.stop = 1; }
    => [ "a.b" "c" ]
    ```
  */
  mapAttrsToListRecursiveCond =
    pred: f: set:
    let
      walk =
        path: value:
        if isAttrs value && (path == [ ] || pred path value) then
          concatMap (name: walk (path ++ [ name ]) value.${name}) (attrNames value)
        else
          [ (f path value) ];
    in
    walk [ ] set;
}
