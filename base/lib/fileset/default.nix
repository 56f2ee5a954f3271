# File sets: sets of local files, built from paths and combined like sets, to be added to the store together.
#
# Wherever a file set is wanted, a path is one as well: the file, or all files in the folder. Folders without files
# are not part of any file set. What is not part of the result is not read. The representation is described in
# ./internal.nix.
{ lib }:
let
  inherit (builtins)
    isBool
    isFunction
    isList
    isPath
    pathExists
    seq
    typeOf
    ;
  inherit (lib.filesystem) pathType;

  internal = import ./internal.nix { inherit lib; };
  inherit (internal)
    _coerce
    _coerceMany
    _difference
    _emptyWithoutBase
    _fileFilter
    _fromFetchGit
    _fromSource
    _intersection
    _print
    _singleton
    _toList
    _toSourceFilter
    _unionMany
    ;

  two = function: a: b: _coerceMany function [
    {
      context = "First argument";
      value = a;
    }
    {
      context = "Second argument";
      value = b;
    }
  ];
  first = list: builtins.elemAt list 0;
  second = list: builtins.elemAt list 1;
in
{
  /**
    The files of a path, or none if there is nothing at that path.

    # Type
    `maybeMissing :: Path -> FileSet`

    # Example
    ```nix
    fileset.toList (fileset.maybeMissing /does/not/exist)
    => [ ]
    ```
  */
  maybeMissing =
    path:
    if !isPath path then
      if lib.strings.isStringLike path then
        throw ''lib.fileset.maybeMissing: Argument ("${toString path}") is a string-like value, but it should be a path instead.''
      else
        throw "lib.fileset.maybeMissing: Argument is of type ${typeOf path}, but it should be a path instead."
    else if pathExists path then
      _singleton path
    else
      _emptyWithoutBase;

  /**
    Prints a file set, then gives the second argument.

    # Type
    `trace :: FileSet -> a -> a`
  */
  trace =
    fileset: seq (_print (_coerce "lib.fileset.trace: Argument" fileset)) (result: result);

  /**
    Prints a file set and gives it.

    # Type
    `traceVal :: FileSet -> FileSet`
  */
  traceVal =
    fileset:
    let
      # What was a path becomes a file set, so that it is looked at once.
      actual = _coerce "lib.fileset.traceVal: Argument" fileset;
    in
    seq (_print actual) actual;

  /**
    Adds the files of a file set to the store, in a folder that begins at `root`; the result can be the source
    of a derivation.

    # Type
    `toSource :: { root :: Path; fileset :: FileSet; } -> Source`
  */
  toSource =
    { root, fileset }:
    let
      set = _coerce "lib.fileset.toSource: `fileset`" fileset;
      rootParts = lib.path.splitRoot root;
      keep = _toSourceFilter set;
      isEmpty = set._internalIsEmptyWithoutBase;
    in
    if !isPath root then
      if root ? _isLibCleanSourceWith then
        throw ''
          lib.fileset.toSource: `root` is a `lib.sources`-based value, but it should be a path instead.
              To use a `lib.sources`-based value, convert it to a file set using `lib.fileset.fromSource` and pass it as `fileset`.
              Note that this only works for sources created from paths.''
      else if lib.strings.isStringLike root then
        throw ''
          lib.fileset.toSource: `root` (${toString root}) is a string-like value, but it should be a path instead.
              Paths in strings are not supported by `lib.fileset`, use `lib.sources` or derivations instead.''
      else
        throw "lib.fileset.toSource: `root` is of type ${typeOf root}, but it should be a path instead."
    else if !isEmpty && rootParts.root != set._internalBaseRoot then
      throw ''
        lib.fileset.toSource: Filesystem roots are not the same for `fileset` and `root` (${toString root}):
            `root`: Filesystem root is "${toString rootParts.root}"
            `fileset`: Filesystem root is "${toString set._internalBaseRoot}"
            Different filesystem roots are not supported.''
    else if !pathExists root then
      throw "lib.fileset.toSource: `root` (${toString root}) is a path that does not exist."
    else if pathType root != "directory" then
      throw ''
        lib.fileset.toSource: `root` (${toString root}) is a file, but it should be a directory instead. Potential solutions:
            - If you want to import the file into the store _without_ a containing directory, use string interpolation or `builtins.path` instead of this function.
            - If you want to import the file into the store _with_ a containing directory, set `root` to the containing directory, such as ${toString (dirOf root)}, and set `fileset` to the file path.''
    else if !isEmpty && !lib.path.hasPrefix root set._internalBase then
      throw ''
        lib.fileset.toSource: `fileset` could contain files in ${toString set._internalBase}, which is not under the `root` (${toString root}). Potential solutions:
            - Set `root` to ${toString set._internalBase} or any directory higher up. This changes the layout of the resulting store path.
            - Set `fileset` to a file set that cannot contain files outside the `root` (${toString root}). This could change the files included in the result.''
    else
      seq keep (
        lib.sources.cleanSourceWith {
          name = "source";
          src = root;
          filter =
            path: type:
            if !keep path type then
              false
            else if type == "unknown" then
              throw ''
                lib.fileset.toSource: `fileset` contains a file that cannot be added to the store: ${path}
                    This file is neither a regular file nor a symlink, the only file types supported by the Nix store.
                    Therefore the file set cannot be added to the Nix store as is. Make sure to not include that file to avoid this error.''
            else
              true;
        }
      );

  /**
    The paths of the files in a file set.

    # Type
    `toList :: FileSet -> [ Path ]`

    # Example
    ```nix
    fileset.toList (fileset.unions [ ])
    => [ ]
    ```
  */
  toList = fileset: _toList (_coerce "lib.fileset.toList: Argument" fileset);

  /**
    The files that are in one or both of two file sets.

    # Type
    `union :: FileSet -> FileSet -> FileSet`
  */
  union = a: b: _unionMany (two "lib.fileset.union" a b);

  /**
    The files that are in any file set of a list.

    # Type
    `unions :: [ FileSet ] -> FileSet`
  */
  unions =
    filesets:
    if !isList filesets then
      throw "lib.fileset.unions: Argument is of type ${typeOf filesets}, but it should be a list instead."
    else
      _unionMany (
        _coerceMany "lib.fileset.unions" (
          lib.lists.imap0 (n: value: {
            context = "Element ${toString n}";
            inherit value;
          }) filesets
        )
      );

  /**
    The files that are in both of two file sets.

    # Type
    `intersection :: FileSet -> FileSet -> FileSet`
  */
  intersection =
    a: b:
    let
      sets = two "lib.fileset.intersection" a b;
    in
    _intersection (first sets) (second sets);

  /**
    The files of the first file set that aren't in the second.

    # Type
    `difference :: FileSet -> FileSet -> FileSet`
  */
  difference =
    positive: negative:
    let
      sets = _coerceMany "lib.fileset.difference" [
        {
          context = "First argument (positive set)";
          value = positive;
        }
        {
          context = "Second argument (negative set)";
          value = negative;
        }
      ];
    in
    _difference (first sets) (second sets);

  /**
    The files below a path that satisfy a predicate of a set `{ name, type, hasExt, ... }`: the file's name, its
    kind, and a function that tells whether the name ends in an extension.

    # Type
    `fileFilter :: ({ name :: String; type :: String; hasExt :: String -> Bool; ... } -> Bool) -> Path -> FileSet`
  */
  fileFilter =
    predicate: path:
    if !isFunction predicate then
      throw "lib.fileset.fileFilter: First argument is of type ${typeOf predicate}, but it should be a function instead."
    else if !isPath path then
      if path._type or "" == "fileset" then
        throw ''
          lib.fileset.fileFilter: Second argument is a file set, but it should be a path instead.
              If you need to filter files in a file set, use `intersection fileset (fileFilter pred ./.)` instead.''
      else
        throw "lib.fileset.fileFilter: Second argument is of type ${typeOf path}, but it should be a path instead."
    else if !pathExists path then
      throw "lib.fileset.fileFilter: Second argument (${toString path}) is a path that does not exist."
    else
      _fileFilter predicate path;

  /**
    The files of a source as `lib.sources` makes it.

    # Type
    `fromSource :: Source -> FileSet`
  */
  fromSource =
    source:
    let
      # A path is a source without a filter.
      isFiltered = source ? _isLibCleanSourceWith;
      origin = if isFiltered then source.origSrc else source;
    in
    if !isPath origin then
      if lib.strings.isStringLike origin then
        throw ''
          lib.fileset.fromSource: The source origin of the argument is a string-like value ("${toString origin}"), but it should be a path instead.
              Sources created from paths in strings cannot be turned into file sets, use `lib.sources` or derivations instead.''
      else
        throw "lib.fileset.fromSource: The source origin of the argument is of type ${typeOf origin}, but it should be a path instead."
    else if !pathExists origin then
      throw "lib.fileset.fromSource: The source origin (${toString origin}) of the argument is a path that does not exist."
    else if isFiltered then
      _fromSource origin source.filter
    else
      _singleton origin;

  /**
    The files that git tracks in the work tree of a repository. In a copy that was fetched from a repository these
    are all files.

    # Type
    `gitTracked :: Path -> FileSet`
  */
  gitTracked = path: _fromFetchGit "gitTracked" "argument" path { };

  /**
    `gitTracked`, with the files of submodules as well if `recurseSubmodules` is true.

    # Type
    `gitTrackedWith :: { recurseSubmodules :: Bool ? false; } -> Path -> FileSet`
  */
  gitTrackedWith =
    {
      recurseSubmodules ? false,
    }:
    path:
    if !isBool recurseSubmodules then
      throw "lib.fileset.gitTrackedWith: Expected the attribute `recurseSubmodules` of the first argument to be a boolean, but it's a ${typeOf recurseSubmodules} instead."
    else
      _fromFetchGit "gitTrackedWith" "second argument" path (
        if recurseSubmodules then { submodules = true; } else { }
      );

  /**
    The file set without files.

    # Type
    `empty :: FileSet`
  */
  empty = _emptyWithoutBase;

  /**
    Whether a value is a file set, or can be used as one.

    # Type
    `isFileset :: Any -> Bool`

    # Example
    ```nix
    map fileset.isFileset [ fileset.empty /. "x" ]
    => [ true true false ]
    ```
  */
  isFileset = x: x._type or "" == "fileset" || isPath x;
}
