# Source trees that are copied to the store in part only.
#
# A source is a path, a store path, or a set made here: the path it starts from and the filters on it. Filters add
# up without a copy between them.
{ lib }:
let
  inherit (builtins)
    any
    elem
    match
    ;
  inherit (lib.strings) hasPrefix hasSuffix removePrefix;

  # A source as `{ path, keep, name }`.
  open =
    src:
    if src ? _isLibCleanSourceWith then
      {
        path = src.origSrc;
        keep = src.filter;
        inherit (src) name;
      }
    else
      {
        path = src;
        keep = _: _: true;
        name = "source";
      };

  make =
    {
      path,
      keep,
      name,
    }:
    {
      _isLibCleanSourceWith = true;
      origSrc = path;
      filter = keep;
      inherit name;
      outPath = builtins.path {
        inherit name path;
        filter = keep;
      };
    };

  # The path below a source's start, as a filter gets it.
  below = path: file: removePrefix (toString path + "/") (toString file);

  ## Patterns

  # A regular expression for a pattern: `*` stands for anything inside a name, `**` for any number of names.
  globRegex =
    pattern:
    let
      names = lib.strings.splitString "/" pattern;
      last = builtins.length names - 1;
      one = name: builtins.concatStringsSep "[^/]*" (map lib.strings.escapeRegex (lib.strings.splitString "*" name));
      part =
        n: name:
        if name == "**" then
          (if n == last then ".*" else "(.*/)?")
        else
          one name + (if n == last then "" else "/");
    in
    lib.strings.concatStrings (lib.lists.imap0 part names);

  # Whether something inside a folder may still match a pattern.
  mayContain =
    names: folder:
    let
      go =
        pattern: path:
        path == [ ]
        || pattern != [ ]
        && (
          builtins.head pattern == "**"
          || match (globRegex (builtins.head pattern)) (builtins.head path) != null
          && go (builtins.tail pattern) (builtins.tail path)
        );
    in
    go names folder;
in
rec {
  inherit (builtins) filterSource;

  /**
    A filter that leaves out what belongs to version control, editors and earlier builds.

    # Type
    `cleanSourceFilter :: Path -> String -> Bool`

    # Example
    ```nix
    [ (cleanSourceFilter "/x/main.c" "regular") (cleanSourceFilter "/x/main.o" "regular") (cleanSourceFilter "/x/.git" "directory") ]
    => [ true false false ]
    ```
  */
  cleanSourceFilter =
    name: type:
    let
      base = baseNameOf (toString name);
    in
    !(
      # repositories; a work tree of git may have a file of that name
      base == ".git"
      || type == "directory"
      && elem base [
        ".svn"
        "CVS"
        ".hg"
        ".jj"
        ".pijul"
        "_darcs"
      ]
      # editors' backups
      || hasSuffix "~" base
      || match "\\.sw[a-z]" base != null
      || match "\\..*\\.sw[a-z]" base != null
      # what builds leave
      || hasSuffix ".o" base
      || hasSuffix ".so" base
      # links to results of Nix
      || type == "symlink" && hasPrefix "result" base
      # sockets and the like, which can't be copied
      || type == "unknown"
    );

  /**
    A source without what belongs to version control, editors and earlier builds.

    # Type
    `cleanSource :: Source -> Source`
  */
  cleanSource =
    src:
    cleanSourceWith {
      filter = cleanSourceFilter;
      inherit src;
    };

  /**
    A source with a filter; if it has filters already, all must agree.

    # Type
    `cleanSourceWith :: { src :: Source; filter :: Path -> String -> Bool ? (_: _: true); name :: String | null ? null; } -> Source`
  */
  cleanSourceWith =
    {
      filter ? (_path: _type: true),
      src,
      name ? null,
    }:
    let
      old = open src;
    in
    make {
      inherit (old) path;
      keep = path: type: filter path type && old.keep path type;
      name = if name == null then old.name else name;
    };

  /**
    A source that prints what its filter answers.

    # Type
    `trace :: Source -> Source`
  */
  trace =
    src:
    let
      old = open src;
    in
    make (
      old
      // {
        keep =
          path: type:
          let
            answer = old.keep path type;
          in
          builtins.trace "${old.name}.filter ${toString path} = ${lib.trivial.boolToString answer}" answer;
      }
    );

  /**
    The part of a source whose paths (from its start) one of several regular expressions matches.

    # Type
    `sourceByRegex :: Source -> [ String ] -> Source`
  */
  sourceByRegex =
    src: regexes:
    let
      old = open src;
    in
    cleanSourceWith {
      filter = path: _type: any (regex: match regex (below old.path path) != null) regexes;
      inherit src;
    };

  /**
    The part of a source whose paths one of several patterns matches: `*` stands for anything inside a name, `**` for
    any number of folders.

    # Type
    `sourceByGlobs :: Source -> [ String ] -> Source`
  */
  sourceByGlobs =
    src: patterns:
    let
      old = open src;
      prepared = map (pattern: {
        regex = globRegex pattern;
        names = lib.strings.splitString "/" pattern;
      }) patterns;
    in
    cleanSourceWith {
      filter =
        path: type:
        let
          relative = below old.path path;
          names = lib.strings.splitString "/" relative;
        in
        any (
          pattern:
          match pattern.regex relative != null || type == "directory" && mayContain pattern.names names
        ) prepared;
      inherit src;
    };

  /**
    The files of a source that end in one of several suffixes, and all folders.

    # Type
    `sourceFilesBySuffices :: Source -> [ String ] -> Source`
  */
  sourceFilesBySuffices =
    src: exts:
    cleanSourceWith {
      filter =
        name: type:
        type == "directory"
        || (
          let
            base = baseNameOf (toString name);
          in
          any (ext: hasSuffix ext base) exts
        );
      inherit src;
    };

  /**
    Whether a source can still be filtered: not if it is in the store already.

    # Type
    `canCleanSource :: Source -> Bool`
  */
  canCleanSource = src: src ? _isLibCleanSourceWith || !pathHasContext (toString src);

  /**
    Whether a string refers to the store.

    # Type
    `pathHasContext :: String -> Bool`

    # Example
    ```nix
    pathHasContext "/x"
    => false
    ```
  */
  pathHasContext = builtins.hasContext;
}
