# Attribute paths: lists of names that lead into nested sets.
{ lib }:
let
  inherit (builtins)
    concatStringsSep
    elemAt
    filter
    genList
    groupBy
    isAttrs
    length
    mapAttrs
    ;

  # How many names of `path` can be followed from `set`, up to all of them.
  follow =
    path: set:
    let
      size = length path;
      go =
        n: here:
        if n < size && here ? ${elemAt path n} then go (n + 1) here.${elemAt path n} else n;
    in
    go 0 set;
in
rec {
  /**
    The attribute at a path, or the default where the path leads nowhere.

    # Type
    `attrByPath :: [ String ] -> Any -> AttrSet -> Any`

    # Example
    ```nix
    map (path: attrByPath path 6 { a.b = 3; }) [ [ "a" "b" ] [ "z" ] ]
    => [ 3 6 ]
    ```
  */
  attrByPath =
    path: default: set:
    let
      size = length path;
      go =
        n: here:
        if n == size then
          here
        else if here ? ${elemAt path n} then
          go (n + 1) here.${elemAt path n}
        else
          default;
    in
    go 0 set;

  /**
    Whether there is an attribute at a path.

    # Type
    `hasAttrByPath :: [ String ] -> AttrSet -> Bool`

    # Example
    ```nix
    hasAttrByPath [ "a" "b" ] { a.b = 3; }
    => true
    ```
  */
  hasAttrByPath = path: set: follow path set == length path;

  /**
    The longest beginning of a path that leads to an attribute.

    # Type
    `longestValidPathPrefix :: [ String ] -> AttrSet -> [ String ]`

    # Example
    ```nix
    attrsets.longestValidPathPrefix [ "a" "b" "c" ] { a.b = 3; }
    => [ "a" "b" ]
    ```
  */
  longestValidPathPrefix = path: set: genList (elemAt path) (follow path set);

  /**
    Nested sets with a value at a path.

    # Type
    `setAttrByPath :: [ String ] -> Any -> AttrSet`

    # Example
    ```nix
    setAttrByPath [ "a" "b" ] 3
    => { a.b = 3; }
    ```
  */
  setAttrByPath =
    path: value:
    let
      size = length path;
      from = n: if n == size then value else { ${elemAt path n} = from (n + 1); };
    in
    from 0;

  /**
    The attribute at a path; an error where the path leads nowhere.

    # Type
    `getAttrFromPath :: [ String ] -> AttrSet -> Any`

    # Example
    ```nix
    getAttrFromPath [ "a" "b" ] { a.b = 3; }
    => 3
    ```
  */
  getAttrFromPath =
    path: attrByPath path (throw ("cannot find attribute '" + concatStringsSep "." path + "'"));

  /**
    Changes several places of nested sets at once. Each update names a path and a function of the old
    value; deeper paths are changed before those above them, updates of one path in the order given.
    Where there is no old value, only an update that ignores it works.

    # Type
    `updateManyAttrsByPath :: [ { path :: [ String ]; update :: Any -> Any; } ] -> AttrSet -> AttrSet`

    # Example
    ```nix
    updateManyAttrsByPath [ { path = [ "a" "b" ]; update = old: old + 1; } { path = [ "c" ]; update = _: 0; } ] { a.b = 1; }
    => { a.b = 2; c = 0; }
    ```
  */
  updateManyAttrsByPath =
    let
      # All updates here have the first `depth` names of their path in common.
      go =
        depth: missing: updates: value:
        let
          here = filter (u: length u.path == depth) updates;
          below = groupBy (u: elemAt u.path depth) (filter (u: length u.path > depth) updates);
          inner =
            if below == { } then
              value
            else if missing then
              mapAttrs (name: us: go (depth + 1) true us (absent name us)) below
            else if !isAttrs value then
              let
                path = genList (elemAt (builtins.head updates).path) depth;
              in
              throw (
                "updateManyAttrsByPath: Path '${showAttrPath path}' is of type ${builtins.typeOf value}, "
                + "but it needs to be an attribute set to be updated in '${
                  showAttrPath (builtins.head (builtins.head (builtins.attrValues below))).path
                }'"
              )
            else
              value
              // mapAttrs (
                name: us:
                if value ? ${name} then
                  go (depth + 1) false us value.${name}
                else
                  go (depth + 1) true us (absent name us)
              ) below;
        in
        # Lazily: an update may ignore what was before.
        lib.lists.foldl (acc: u: u.update acc) inner here;

      absent =
        name: us:
        throw "updateManyAttrsByPath: Path '${showAttrPath (builtins.head us).path}' does not exist in the given value, but the update depends on the old value (missing: '${name}')";
    in
    updates: value: go 0 false updates value;

  /**
    An attribute path as text for people to read.

    # Type
    `showAttrPath :: [ String ] -> String`

    # Example
    ```nix
    map showAttrPath [ [ "foo" "10" "bar" ] [ ] ]
    => [ "foo.\"10\".bar" "<root attribute path>" ]
    ```
  */
  showAttrPath =
    path:
    if path == [ ] then
      "<root attribute path>"
    else
      concatStringsSep "." (map lib.strings.escapeNixIdentifier path);
}
