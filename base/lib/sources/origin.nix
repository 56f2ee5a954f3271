# Where sources come from: repositories, revisions, and names made of them.
{ lib }:
let
  inherit (builtins)
    filter
    head
    isString
    match
    pathExists
    readFile
    split
    substring
    ;
  inherit (lib.strings) fileContents removeSuffix;

  isDirectory = lib.filesystem.pathIsDirectory;

  # `{ value }` or `{ error }`: the commit that the work tree of a repository is at.
  commitOf =
    path:
    let
      gitFile = toString path;
      lines = text: filter (x: isString x && x != "") (split "\n" text);

      # A reference, in a file of its own or among the packed ones.
      reference =
        file: base:
        let
          ref = removeSuffix "\n" (readFile "${base}/${file}");
          symbolic = match "ref: (.*)" ref;
        in
        if !pathExists "${base}/${file}" then
          packed file base
        else if symbolic == null then
          { value = ref; }
        else
          reference (head symbolic) (commonDir base);

      packed =
        file: base:
        let
          list = "${commonDir base}/packed-refs";
          found =
            if pathExists list then
              filter (m: m != null) (map (match "([0-9a-f]+) ${lib.strings.escapeRegex file}") (lines (readFile list)))
            else
              [ ];
        in
        if found != [ ] then
          { value = head (head found); }
        else
          {
            error = "Could not find ${file} in ${base}; the path is perhaps not a git repository, or an empty one.";
          };

      # Work trees share references with their repository.
      commonDir =
        base:
        if pathExists "${base}/commondir" then
          let
            common = fileContents "${base}/commondir";
          in
          if substring 0 1 common == "/" then common else "${base}/${common}"
        else
          base;

      # ".git" may be a file that names the folder.
      link = match "gitdir: (.*)" (fileContents gitFile);
      target = head link;
    in
    if isDirectory path then
      if pathExists "${gitFile}/HEAD" then
        reference "HEAD" gitFile
      else
        { error = "Not a .git directory: ${gitFile}"; }
    else if pathExists path then
      if link == null then
        { error = "File contains no gitdir reference: ${gitFile}"; }
      else
        reference "HEAD" (
          if substring 0 1 target == "/" then target else "${dirOf gitFile}/${target}"
        )
    else
      { error = "Path does not exist: ${gitFile}"; };

  nameOf =
    url: rev: last:
    builtins.concatStringsSep "-" (
      filter (part: part != null && part != "") [
        (lib.sources.urlToName url)
        (if rev == null then null else lib.sources.shortRev rev)
        last
      ]
    );
in
rec {
  /**
    Whether a path is the `.git` of a repository.

    # Type
    `pathIsGitRepo :: Path -> Bool`

    # Example
    ```nix
    pathIsGitRepo /does/not/exist
    => false
    ```
  */
  pathIsGitRepo = path: (commitOf path) ? value;

  /**
    The commit that a repository's work tree is at; the path is that of its `.git`.

    # Type
    `commitIdFromGitRepo :: Path -> String`
  */
  commitIdFromGitRepo =
    path:
    let
      commit = commitOf path;
    in
    commit.value or (throw commit.error);

  /**
    A revision, shortened for names: the first seven digits of a commit, a tag without its `v`.

    # Type
    `shortRev :: String -> String`

    # Example
    ```nix
    map sources.shortRev [ "abcdef0123456789abcdef0123456789abcdef01" "v1.2.3" "refs/tags/v1" ]
    => [ "abcdef0" "1.2.3" "1" ]
    ```
  */
  shortRev =
    rev:
    let
      base = baseNameOf rev;
      hash = match "([a-f0-9]{7})[a-f0-9]*" base;
      tag = match "v([0-9].*)" base;
    in
    if hash != null then
      head hash
    else if tag != null then
      head tag
    else
      base;

  /**
    The tag or the revision, whichever is given.

    # Type
    `revOrTag :: String | null -> String | null -> String`

    # Example
    ```nix
    map (tag: revOrTag "abc" tag) [ "v1" null ]
    => [ "v1" "abc" ]
    ```
  */
  revOrTag =
    rev: tag:
    if tag != null then
      tag
    else if rev != null then
      rev
    else
      "HEAD";

  /**
    A name made of the last part of a URL or path.

    # Type
    `urlToName :: String -> String`

    # Example
    ```nix
    map sources.urlToName [ "https://example.com/foo/bar.git" "git@github.com:NixOS/nixpkgs.git" ]
    => [ "bar" "nixpkgs" ]
    ```
  */
  urlToName =
    url:
    let
      base = baseNameOf (removeSuffix "/" (lib.lists.last (lib.strings.splitString ":" (toString url))));
      # what archives end in
      stem = match "(.*)\\.(git|tar|zip|tgz|tar\\..*)" base;
    in
    if stem == null then base else head stem;

  /**
    The name of a store path for a revision of a repository: `"source"`, with `"versioned"` the repository and the
    revision, with `"full"` also the forge.

    # Type
    `repoRevToName :: "source" | "versioned" | "full" -> String -> String | null -> String -> String`

    # Example
    ```nix
    map (kind: repoRevToName kind "https://example.com/foo.git" "v1.2" "github") [ "source" "versioned" "full" ]
    => [ "source" "foo-1.2-source" "foo-1.2-github-source" ]
    ```
  */
  repoRevToName =
    kind:
    if kind == "source" then
      _url: _rev: _forge: "source"
    else if kind == "versioned" then
      url: rev: _forge:
      nameOf url rev "source"
    else if kind == "full" then
      url: rev: forge:
      nameOf url rev "${forge}-source"
    else
      throw "repoRevToName: invalid kind";
}
