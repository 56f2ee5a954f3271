# Joining and comparing sets.
{ lib }:
let
  inherit (builtins)
    all
    attrNames
    elemAt
    intersectAttrs
    isAttrs
    length
    mapAttrs
    zipAttrsWith
    ;
in
{
  inherit zipAttrsWith;

  /**
    Joins sets; a function of name and all values under that name makes the result, for the named
    attributes only.

    # Type
    `zipAttrsWithNames :: [ String ] -> (String -> [ a ] -> b) -> [ { [String] :: a } ] -> { [String] :: b }`

    # Example
    ```nix
    zipAttrsWithNames [ "a" ] (name: values: values) [ { a = 1; } { a = 2; b = 3; } ]
    => { a = [ 1 2 ]; }
    ```
  */
  zipAttrsWithNames =
    names: f: sets:
    lib.attrsets.genAttrs names (name: f name (builtins.catAttrs name sets));

  /**
    Joins sets; every attribute becomes the list of the values under its name.

    # Type
    `zipAttrs :: [ { [String] :: a } ] -> { [String] :: [ a ] }`

    # Example
    ```nix
    zipAttrs [ { a = 1; } { a = 2; b = 3; } ]
    => { a = [ 1 2 ]; b = [ 3 ]; }
    ```
  */
  zipAttrs = zipAttrsWith (_: values: values);

  /**
    Joins a list of sets with `//`: later ones win. Cheaper than a fold for long lists.

    # Type
    `mergeAttrsList :: [ AttrSet ] -> AttrSet`

    # Example
    ```nix
    mergeAttrsList [ { a = 1; b = 2; } { b = 3; } ]
    => { a = 1; b = 3; }
    ```
  */
  mergeAttrsList =
    sets:
    let
      # Halves are joined first, so that every attribute is copied log n times only.
      join =
        start: end:
        if end - start >= 2 then
          let
            middle = start + (end - start) / 2;
          in
          join start middle // join middle end
        else
          elemAt sets start;
    in
    if sets == [ ] then { } else join 0 (length sets);

  /**
    Joins two nested sets; a predicate of path and both values says where the right one simply replaces
    the left one. Anything that isn't two sets is replaced as well.

    # Type
    `recursiveUpdateUntil :: ([ String ] -> Any -> Any -> Bool) -> AttrSet -> AttrSet -> AttrSet`

    # Example
    ```nix
    recursiveUpdateUntil (path: l: r: path == [ "foo" ]) { foo.bar = 1; x.y = 1; } { foo.baz = 2; x.z = 2; }
    => { foo.baz = 2; x = { y = 1; z = 2; }; }
    ```
  */
  recursiveUpdateUntil =
    pred: lhs: rhs:
    let
      join =
        path: left: right:
        left
        // mapAttrs (
          name: r:
          let
            here = path ++ [ name ];
            l = left.${name};
          in
          if left ? ${name} && !pred here l r && isAttrs l && isAttrs r then join here l r else r
        ) right;
    in
    join [ ] lhs rhs;

  /**
    Joins two nested sets; where only one of two values is a set, the right one wins.

    # Type
    `recursiveUpdate :: AttrSet -> AttrSet -> AttrSet`

    # Example
    ```nix
    recursiveUpdate { a.b = 1; a.c = 2; } { a.c = 3; }
    => { a = { b = 1; c = 3; }; }
    ```
  */
  recursiveUpdate =
    let
      join =
        left: right:
        left
        // mapAttrs (
          name: r:
          let
            l = left.${name};
          in
          if left ? ${name} && isAttrs l && isAttrs r then join l r else r
        ) right;
    in
    join;

  /**
    Whether every attribute of the first set, at any depth, is in the second with an equal value.

    # Type
    `matchAttrs :: AttrSet -> AttrSet -> Bool`

    # Example
    ```nix
    map (matchAttrs { cpu.bits = 64; }) [ { cpu = { bits = 64; name = "x"; }; } { cpu.bits = 32; } ]
    => [ true false ]
    ```
  */
  matchAttrs =
    let
      matches =
        pattern: set:
        all (
          name:
          set ? ${name}
          && (
            let
              p = pattern.${name};
              v = set.${name};
            in
            if isAttrs p then isAttrs v && matches p v else p == v
          )
        ) (attrNames pattern);
    in
    pattern: set:
    assert isAttrs pattern;
    matches pattern set;

  /**
    Replaces values of attributes that the old set has already; ignores others of the new set.

    # Type
    `overrideExisting :: AttrSet -> AttrSet -> AttrSet`

    # Example
    ```nix
    overrideExisting { a = 1; b = 2; } { b = 3; c = 4; }
    => { a = 1; b = 3; }
    ```
  */
  overrideExisting = old: new: old // intersectAttrs old new;

  /**
    `//` for sets that have no attribute in common: using one that both have is an error.

    # Type
    `unionOfDisjoint :: AttrSet -> AttrSet -> AttrSet`

    # Example
    ```nix
    attrsets.unionOfDisjoint { a = 1; } { b = 2; }
    => { a = 1; b = 2; }
    ```
  */
  unionOfDisjoint =
    x: y:
    let
      both = intersectAttrs x y;
    in
    if both == { } then
      x // y
    else
      (x // y)
      // mapAttrs (
        name: _: throw "unionOfDisjoint: collision on ${lib.strings.escapeNixString name}"
      ) both;
}
