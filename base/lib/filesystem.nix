# Looking at files, without copying anything to the store.
{ lib }:
let
  inherit (builtins)
    attrNames
    concatMap
    filter
    match
    pathExists
    readDir
    ;
  inherit (lib.strings) hasSuffix removeSuffix;
in
rec {
  inherit (builtins)
    baseNameOf
    dirOf
    hashFile
    isPath
    readDir
    ;

  # The kind of a path by its parent folder's listing, for evaluators without the builtin.
  readFileType =
    builtins.readFileType or (
      path:
      if !pathExists path then
        abort "lib.filesystem.pathType: Path ${toString path} does not exist."
      # The root has no parent.
      else if dirOf path == path then
        "directory"
      else
        (readDir (dirOf path)).${baseNameOf path}
    );

  /**
    The kind of a file: `"directory"`, `"regular"`, `"symlink"` or `"unknown"`. The file has to exist.

    # Type
    `pathType :: Path -> String`

    # Example
    ```nix
    filesystem.pathType /.
    => "directory"
    ```
  */
  pathType = readFileType;

  /**
    Whether a path is a folder.

    # Type
    `pathIsDirectory :: Path -> Bool`

    # Example
    ```nix
    map filesystem.pathIsDirectory [ /. /does/not/exist ]
    => [ true false ]
    ```
  */
  pathIsDirectory = path: pathExists path && pathType path == "directory";

  /**
    Whether a path is a file, and not a link to one or something else.

    # Type
    `pathIsRegularFile :: Path -> Bool`

    # Example
    ```nix
    map filesystem.pathIsRegularFile [ /. /does/not/exist ]
    => [ false false ]
    ```
  */
  pathIsRegularFile = path: pathExists path && pathType path == "regular";

  /**
    The folders below a folder that are Haskell packages: that have a `.cabal` file of their own name.

    # Type
    `haskellPathsInDir :: Path -> { [String] :: Path }`
  */
  haskellPathsInDir =
    root:
    let
      entries = readDir root;
      isPackage =
        name: entries.${name} == "directory" && pathExists (root + "/${name}/${name}.cabal");
    in
    lib.attrsets.genAttrs (filter isPackage (attrNames entries)) (name: root + "/${name}");

  /**
    The nearest folder, from a file upwards, that has a file whose name a regular expression matches: its path and
    the matches; null if there is none.

    # Type
    `locateDominatingFile :: String -> Path -> { path :: Path; matches :: [ [ String ] ]; } | null`
  */
  locateDominatingFile =
    pattern: file:
    let
      go =
        path:
        let
          matches = filter (found: found != null) (map (match pattern) (attrNames (readDir path)));
        in
        if matches != [ ] then
          { inherit path matches; }
        else if path == /. then
          null
        else
          go (dirOf path);
    in
    go (if pathIsDirectory file then file else dirOf file);

  /**
    All files below a folder.

    # Type
    `listFilesRecursive :: Path -> [ Path ]`
  */
  listFilesRecursive =
    dir:
    let
      entries = readDir dir;
    in
    concatMap (
      name:
      let
        path = dir + "/${name}";
      in
      if entries.${name} == "directory" then listFilesRecursive path else [ path ]
    ) (attrNames entries);

  /**
    Packages from a tree of folders: `x.nix` and `x/package.nix` become the attribute `x`, made by `callPackage`;
    other folders become sets of their own, scopes if `newScope` is given. Other files are ignored.

    # Type
    `packagesFromDirectoryRecursive :: { callPackage :: Path -> AttrSet -> a; newScope? :: AttrSet -> Scope; directory :: Path; } -> AttrSet`
  */
  packagesFromDirectoryRecursive =
    {
      callPackage,
      newScope ? throw "lib.packagesFromDirectoryRecursive: newScope wasn't passed in args",
      directory,
      ...
    }@args:
    let
      # What a folder is, with the functions of the scope around it.
      folder =
        { callPackage, newScope }:
        dir:
        if pathExists (dir + "/package.nix") then
          callPackage (dir + "/package.nix") { }
        else if args ? newScope then
          # The packages of a folder find each other.
          lib.attrsets.recurseIntoAttrs (
            lib.customisation.makeScope newScope (self: contents { inherit (self) callPackage newScope; } dir)
          )
        else
          contents { inherit callPackage newScope; } dir;

      contents =
        scope: dir:
        let
          entries = readDir dir;
          entry =
            name:
            let
              path = dir + "/${name}";
              type = entries.${name};
            in
            if type == "directory" then
              [
                {
                  inherit name;
                  value = folder scope path;
                }
              ]
            else if type == "regular" && hasSuffix ".nix" name then
              [
                {
                  name = removeSuffix ".nix" name;
                  value = scope.callPackage path { };
                }
              ]
            # Links are ignored as well: what they lead to can't be told.
            else
              [ ];
        in
        builtins.listToAttrs (concatMap entry (attrNames entries));
    in
    folder { inherit callPackage newScope; } directory;

  /**
    The file `default.nix` of a folder; other paths as they are.

    # Type
    `resolveDefaultNix :: Path | String -> Path | String`

    # Example
    ```nix
    filesystem.resolveDefaultNix "/does/not/exist"
    => "/does/not/exist"
    ```
  */
  resolveDefaultNix =
    x:
    let
      isFolder =
        if builtins.isString x && builtins.match ".*/" x != null then true else pathIsDirectory x;
    in
    if !isFolder then
      x
    else if builtins.isString x then
      removeSuffix "/" x + "/default.nix"
    else
      x + "/default.nix";
}
