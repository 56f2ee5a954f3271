# Trees of file sets (see ./internal.nix): putting them together, and looking at the files that they stand for.
{ lib }:
let
  inherit (builtins)
    any
    attrNames
    attrValues
    filter
    foldl'
    isAttrs
    isString
    mapAttrs
    readDir
    zipAttrsWith
    ;
in
rec {
  # A tree for a folder further up.
  nest = names: tree: lib.attrsets.setAttrByPath names tree;

  # The part of a tree below a folder.
  below =
    names: tree:
    foldl' (
      tree: name: if isAttrs tree then tree.${name} or null else tree
    ) tree names;

  # All entries of a folder, each with its tree.
  entriesOf =
    path: tree:
    if tree == "directory" then readDir path else mapAttrs (_: _: null) (readDir path) // tree;

  unionTrees =
    trees:
    let
      # The first one that says everything; later ones aren't looked at.
      whole = lib.lists.findFirst isString null trees;
      parts = filter (tree: tree != null) trees;
    in
    if whole != null then
      whole
    else if parts == [ ] then
      null
    else
      zipAttrsWith (_: unionTrees) parts;

  intersectTrees =
    a: b:
    if isAttrs a && isAttrs b then
      mapAttrs (name: intersectTrees a.${name}) (builtins.intersectAttrs a b)
    else if a == null || isString b then
      a
    else
      b;

  differenceTree =
    path: a: b:
    if a == null || isString b then
      # nothing there, or everything taken away
      null
    else if b == null then
      a
    else
      mapAttrs (name: tree: differenceTree (path + "/${name}") tree (b.${name} or null)) (
        entriesOf path a
      );

  # Whether there is a file in a folder, at any depth.
  hasFiles =
    path:
    let
      entries = readDir path;
      names = attrNames entries;
    in
    any (name: entries.${name} != "directory") names
    || any (name: hasFiles (path + "/${name}")) names;

  # A tree that the filter of a source follows: sets for folders with files in them, true for files, null for
  # everything else.
  filterTree =
    path: tree:
    if tree == null then
      null
    else if isString tree && tree != "directory" then
      true
    else
      let
        entries = if tree == "directory" then readDir path else tree;
        inner = mapAttrs (name: filterTree (path + "/${name}")) entries;
      in
      if any (t: t != null) (attrValues inner) then inner else null;

  # How a tree looks from outside: "empty" (no files there), "excluded", "full", or "partial".
  # Entries are evaluated in order, and only until the answer is clear.
  stateOf =
    path: type: tree:
    if tree == null || tree == "directory" then
      if type != "directory" || hasFiles path then
        (if tree == null then "excluded" else "full")
      else
        "empty"
    else if isString tree then
      "full"
    else
      let
        types = readDir path;
        entries = entriesOf path tree;
      in
      foldl' (
        state: name:
        if state == "partial" then
          state
        else
          let
            this = stateOf (path + "/${name}") (types.${name} or "unknown") entries.${name};
          in
          if this == "empty" || this == state then
            state
          else if state == "empty" then
            this
          else
            "partial"
      ) "empty" (attrNames entries);
}
