# The representation of file sets, and the operations on it.
#
# A file set has a base, the folder that nothing outside of can influence it, and a tree of what is below:
#
# - `"directory"`: the folder with everything in it
# - another string: a file, the string being its kind
# - a set: the folder with what the attributes say of its entries; what isn't there is left out
# - null: left out
#
# The empty file set may have no base. Attributes and their version are those of nixpkgs' library, so that file sets of
# both can be combined.
{ lib }:
let
  inherit (builtins)
    attrNames
    baseNameOf
    concatMap
    elemAt
    filter
    foldl'
    head
    isAttrs
    isPath
    isString
    length
    mapAttrs
    pathExists
    readDir
    seq
    split
    substring
    stringLength
    typeOf
    ;
  inherit (lib.filesystem) pathType;
  inherit (lib.path) append splitRoot hasStorePathPrefix;
  inherit (lib.path.subpath) components join;
  inherit (lib.lists) commonPrefix drop;
  inherit (lib.strings) hasPrefix hasSuffix;

  currentVersion = 3;

  noEval = throw ''
    lib.fileset: Directly evaluating a file set is not supported.
        To turn it into a usable source, use `lib.fileset.toSource`.
        To pretty-print the contents, use `lib.fileset.trace` or `lib.fileset.traceVal`.'';

  # What older versions looked like, one step at a time.
  migrations = [
    # 0 -> 1: the base in parts
    (
      fileset:
      let
        parts = splitRoot fileset._internalBase;
      in
      fileset
      // {
        _internalVersion = 1;
        _internalBaseComponents = components parts.subpath;
        _internalBaseRoot = parts.root;
      }
    )
    # 1 -> 2: trees may leave entries out
    (fileset: fileset // { _internalVersion = 2; })
    # 2 -> 3: the empty set without a base
    (
      fileset:
      fileset
      // {
        _internalVersion = 3;
        _internalIsEmptyWithoutBase = false;
      }
    )
  ];

  inherit (import ./trees.nix { inherit lib; })
    nest
    below
    entriesOf
    unionTrees
    intersectTrees
    differenceTree
    filterTree
    stateOf
    ;
in
rec {
  ## Making file sets

  _emptyWithoutBase = {
    _type = "fileset";
    _internalVersion = currentVersion;
    _internalIsEmptyWithoutBase = true;
    __noEval = noEval;
  };

  # A file set of a base and a tree; nothing is checked.
  _create =
    base: tree:
    let
      parts = splitRoot base;
    in
    {
      _type = "fileset";
      _internalVersion = currentVersion;
      _internalIsEmptyWithoutBase = false;
      _internalBase = base;
      _internalBaseRoot = parts.root;
      _internalBaseComponents = components parts.subpath;
      _internalTree = tree;
      __noEval = noEval;
    };

  # The file set of a path, which has to exist.
  _singleton =
    path:
    let
      type = pathType path;
    in
    if type == "directory" then
      _create path type
    else
      # A file is an entry of its folder.
      _create (dirOf path) { ${baseNameOf path} = type; };

  # The file set that a value stands for; the context begins messages.
  _coerce =
    context: value:
    if value._type or "" == "fileset" then
      if value._internalVersion > currentVersion then
        throw ''
          ${context} is a file set created from a future version of the file set library with a different internal representation:
              - Internal version of the file set: ${toString value._internalVersion}
              - Internal version of the library: ${toString currentVersion}
              Make sure to update your Nixpkgs to have a newer version of `lib.fileset`.''
      else
        foldl' (fileset: migrate: migrate fileset) value (drop value._internalVersion migrations)
    else if !isPath value then
      if value ? _isLibCleanSourceWith then
        throw ''
          ${context} is a `lib.sources`-based value, but it should be a file set or a path instead.
              To convert a `lib.sources`-based value to a file set you can use `lib.fileset.fromSource`.
              Note that this only works for sources created from paths.''
      else if lib.strings.isStringLike value then
        throw ''
          ${context} ("${toString value}") is a string-like value, but it should be a file set or a path instead.
              Paths represented as strings are not supported by `lib.fileset`, use `lib.sources` or derivations instead.''
      else
        throw "${context} is of type ${typeOf value}, but it should be a file set or a path instead."
    else if !pathExists value then
      throw ''
        ${context} (${toString value}) is a path that does not exist.
            To create a file set from a path that may not exist, use `lib.fileset.maybeMissing`.''
    else
      _singleton value;

  # File sets of values `{ context, value }`, all in the same file system.
  _coerceMany =
    function: list:
    let
      filesets = map ({ context, value }: _coerce "${function}: ${context}" value) list;
      withBase = filter (n: !(elemAt filesets n)._internalIsEmptyWithoutBase) (
        builtins.genList (n: n) (length list)
      );
      firstIndex = head withBase;
      first = elemAt filesets firstIndex;
      others = filter (
        n: (elemAt filesets n)._internalBaseRoot != first._internalBaseRoot
      ) withBase;
      other = head others;
    in
    if withBase != [ ] && others != [ ] then
      throw ''
        ${function}: Filesystem roots are not the same:
            ${(elemAt list firstIndex).context}: Filesystem root is "${toString first._internalBaseRoot}"
            ${(elemAt list other).context}: Filesystem root is "${toString (elemAt filesets other)._internalBaseRoot}"
            Different filesystem roots are not supported.''
    else
      filesets;

  ## Combining

  _unionMany =
    filesets:
    let
      withBase = filter (fileset: !fileset._internalIsEmptyWithoutBase) filesets;
      first = head withBase;
      # The deepest folder that has all of them in it.
      names = foldl' (
        names: fileset: commonPrefix names fileset._internalBaseComponents
      ) first._internalBaseComponents withBase;
      depth = length names;
    in
    if withBase == [ ] then
      _emptyWithoutBase
    else
      _create (append first._internalBaseRoot (join names)) (
        unionTrees (
          map (
            fileset: nest (drop depth fileset._internalBaseComponents) fileset._internalTree
          ) withBase
        )
      );

  _intersection =
    a: b:
    let
      namesA = a._internalBaseComponents;
      namesB = b._internalBaseComponents;
      common = length (commonPrefix namesA namesB);
    in
    if a._internalIsEmptyWithoutBase || b._internalIsEmptyWithoutBase then
      _emptyWithoutBase
    else if common == length namesA then
      # The deeper base counts.
      _create b._internalBase (intersectTrees (below (drop common namesB) a._internalTree) b._internalTree)
    else if common == length namesB then
      _create a._internalBase (intersectTrees a._internalTree (below (drop common namesA) b._internalTree))
    else
      _emptyWithoutBase;

  _difference =
    positive: negative:
    let
      names = positive._internalBaseComponents;
      others = negative._internalBaseComponents;
      common = length (commonPrefix names others);
      # What is taken away, seen from the base of the first.
      negativeTree =
        if negative._internalIsEmptyWithoutBase then
          null
        else if common == length others then
          below (drop common names) negative._internalTree
        else if common == length names then
          nest (drop common others) negative._internalTree
        else
          null;
    in
    if positive._internalIsEmptyWithoutBase then
      _emptyWithoutBase
    else
      _create positive._internalBase (
        differenceTree positive._internalBase positive._internalTree negativeTree
      );

  _fileFilter =
    predicate: root:
    let
      fromFile =
        name: type:
        if
          predicate {
            inherit name type;
            hasExt = ext: hasSuffix ".${ext}" name;
            # A function that takes exactly the attributes above fails on this one.
            "lib.fileset.fileFilter: The predicate function passed as the first argument must be able to handle extra attributes for future compatibility. If you're using `{ name, file, hasExt }:`, use `{ name, file, hasExt, ... }:` instead." =
              null;
          }
        then
          type
        else
          null;

      fromDir =
        path:
        mapAttrs (
          name: type: if type == "directory" then fromDir (path + "/${name}") else fromFile name type
        ) (readDir path);

      rootType = pathType root;
    in
    if rootType == "directory" then
      _create root (fromDir root)
    else
      _create (dirOf root) { ${baseNameOf root} = fromFile (baseNameOf root) rootType; };

  ## From elsewhere

  _fromSource =
    origin: keep:
    let
      fromDir =
        path:
        mapAttrs (
          name: type:
          let
            entry = path + "/${name}";
          in
          if !keep (toString entry) type then
            null
          else if type == "directory" then
            fromDir entry
          else
            type
        ) (readDir path);
    in
    # The filter isn't asked about where it starts.
    if pathType origin == "directory" then _create origin (fromDir origin) else _singleton origin;

  _fromFetchGit =
    function: argument: path: extra:
    let
      version = builtins.nixVersion;
      isNew = since: lib.strings.versionAtLeast version since;

      fetched = builtins.fetchGit (
        { url = path; }
        # Works in clones without history.
        // (if isNew "2.20.4" then { shallow = true; } else { })
        // extra
      );

      # The files are fetched to be listed; what counts are those of the work tree.
      mirror =
        store: mapAttrs (
          name: type: if type == "directory" then mirror (store + "/${name}") else type
        ) (readDir store);
    in
    if !isPath path then
      throw "lib.fileset.${function}: Expected the ${argument} to be a path, but it's a ${typeOf path} instead."
    else if pathType path != "directory" then
      throw "lib.fileset.${function}: Expected the ${argument} (${toString path}) to be a directory, but it's a file instead."
    else if hasStorePathPrefix path then
      if pathExists (path + "/.git") then
        throw ''
          lib.fileset.${function}: The ${argument} (${toString path}) is a store path within a working tree of a Git repository.
              This indicates that a source directory was imported into the store using a method such as `import "''${./.}"` or `path:.`.
              This function currently does not support such a use case, since it currently relies on `builtins.fetchGit`.
              You could make this work by using a fetcher such as `fetchGit` instead of copying the whole repository.
              If you can't avoid copying the repo to the store, see https://github.com/NixOS/nix/issues/9292.''
      else
        # What was fetched has tracked files only.
        _singleton path
    else if !pathExists (path + "/.git") then
      throw "lib.fileset.${function}: Expected the ${argument} (${toString path}) to point to a local working tree of a Git repository, but it's not."
    else
      _create path (mirror (/. + builtins.unsafeDiscardStringContext fetched.outPath));

  ## To elsewhere

  # The filter of a source that keeps the files of a file set and the folders they are in.
  _toSourceFilter =
    fileset:
    if fileset._internalIsEmptyWithoutBase then
      _path: _type: false
    else
      let
        names = fileset._internalBaseComponents;
        base = if names == [ ] then "/" else "/${builtins.concatStringsSep "/" names}/";
        baseSize = stringLength base;
        tree = filterTree fileset._internalBase fileset._internalTree;

        inTree =
          path:
          let
            parts = filter isString (split "/" (substring baseSize (-1) path));
          in
          foldl' (tree: name: if isAttrs tree then tree.${name} or null else null) tree parts != null;
      in
      seq tree (
        path: _type:
        let
          slashed = path + "/";
        in
        tree != null
        && (
          # above the base, or the base itself
          hasPrefix slashed base || hasPrefix base slashed && inTree path
        )
      );

  _toList =
    fileset:
    let
      files =
        path: tree:
        if tree == null then
          [ ]
        else if isAttrs tree then
          concatMap (name: files (path + "/${name}") tree.${name}) (attrNames tree)
        else if tree == "directory" then
          files path (readDir path)
        else
          [ path ];
    in
    if fileset._internalIsEmptyWithoutBase then
      [ ]
    else
      files fileset._internalBase fileset._internalTree;

  # Prints a file set, line by line as it is evaluated.
  _print =
    fileset:
    let
      base = fileset._internalBase;
      tree = fileset._internalTree;
      state = stateOf base "directory" tree;

      line = text: builtins.trace text null;

      # foldl' evaluates one after the other and keeps nothing.
      entries =
        indent: path: tree:
        let
          types = readDir path;
          trees = entriesOf path tree;
        in
        foldl' (
          _: name:
          let
            inner = trees.${name};
            place = path + "/${name}";
            this = stateOf place (types.${name} or "unknown") inner;
          in
          if this == "empty" || this == "excluded" then
            null
          else if this == "partial" then
            seq (line "${indent}- ${name}") (entries "${indent}  " place inner)
          else
            line "${indent}- ${name} (${
              if isString inner && inner != "directory" then inner else "all files in directory"
            })"
        ) null (attrNames trees);
    in
    if fileset._internalIsEmptyWithoutBase || state == "empty" || state == "excluded" then
      line "(empty)"
    else if state == "full" then
      line "${toString base} (all files in directory)"
    else
      seq (line (toString base)) (entries "" base tree);
}
