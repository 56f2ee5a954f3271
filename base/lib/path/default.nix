# Paths: values of the language's type path, and subpaths, which are strings below one.
{ lib }:
let
  inherit (builtins)
    concatStringsSep
    elemAt
    filter
    genList
    head
    isPath
    isString
    length
    match
    split
    storeDir
    substring
    typeOf
    ;
  inherit (lib.lists) commonPrefix;
  inherit (lib.asserts) assertMsg;

  ## Subpaths

  # Why a value is no subpath; null if it is one.
  problemOf =
    value:
    if !isString value then
      "The given value is of type ${typeOf value}, but a string was expected"
    else if value == "" then
      "The given string is empty"
    else if substring 0 1 value == "/" then
      "The given string \"${value}\" starts with a `/`, representing an absolute path"
    else if match "(.*/)?\\.\\.(/.*)?" value != null then
      "The given string \"${value}\" contains a `..` component, which is not allowed in subpaths"
    else
      null;

  # The names in a string with slashes, without those that say nothing.
  namesOf = text: filter (part: isString part && part != "" && part != ".") (split "/+" text);

  fromNames = names: "./" + (if names == [ ] then "." else concatStringsSep "/" names);

  checked =
    function: which: value:
    let
      problem = problemOf value;
    in
    assertMsg (problem == null) ''
      lib.path.${function}: ${which} is not a valid subpath string:
          ${problem}'';

  ## Paths

  # The root of a path and the names that lead from there to it.
  deconstruct =
    let
      go =
        names: base:
        let
          parent = dirOf base;
        in
        if base == parent then
          {
            root = base;
            inherit names;
          }
        else
          go ([ (baseNameOf base) ] ++ names) parent;
    in
    go [ ];

  checkPath =
    function: which: value:
    assertMsg (isPath value) ''
      lib.path.${function}: ${which} is of type ${typeOf value}, but a path was expected'';

  # Both paths taken apart, if they have the same root.
  both =
    function: path1: path2:
    let
      first = deconstruct path1;
      second = deconstruct path2;
    in
    assert checkPath function "First argument" path1;
    assert checkPath function "Second argument" path2;
    assert assertMsg (first.root == second.root) ''
      lib.path.${function}: Filesystem roots must be the same for both paths, but paths with different roots were given:
          first argument: "${toString path1}" with root "${toString first.root}"
          second argument: "${toString path2}" with root "${toString second.root}"'';
    {
      inherit first second;
      isPrefix = commonPrefix first.names second.names == first.names;
    };

  storeNames = namesOf storeDir;
  storeDepth = length storeNames;
in
{
  /**
    A path with a subpath appended. Unlike `+` it can't leave the folder.

    # Type
    `append :: Path -> String -> Path`

    # Example
    ```nix
    path.append /foo "bar//baz/."
    => /foo/bar/baz
    ```
  */
  append =
    path: subpath:
    assert checkPath "append" "The first argument" path;
    assert checked "append" "Second argument" subpath;
    path + ("/" + subpath);

  /**
    Whether the second path is the first one or inside of it.

    # Type
    `hasPrefix :: Path -> Path -> Bool`

    # Example
    ```nix
    map (path.hasPrefix /foo) [ /foo/bar /foobar ]
    => [ true false ]
    ```
  */
  hasPrefix = path1: path2: (both "hasPrefix" path1 path2).isPrefix;

  /**
    The subpath from the first path to the second, which must be inside of it.

    # Type
    `removePrefix :: Path -> Path -> String`

    # Example
    ```nix
    path.removePrefix /foo /foo/bar/baz
    => "./bar/baz"
    ```
  */
  removePrefix =
    path1: path2:
    let
      parts = both "removePrefix" path1 path2;
    in
    if parts.isPrefix then
      fromNames (lib.lists.drop (length parts.first.names) parts.second.names)
    else
      throw ''lib.path.removePrefix: The first path argument "${toString path1}" is not a component-wise prefix of the second path argument "${toString path2}".'';

  /**
    The root of the file system that a path is in, and the subpath from there.

    # Type
    `splitRoot :: Path -> { root :: Path; subpath :: String; }`

    # Example
    ```nix
    (path.splitRoot /foo/bar).subpath
    => "./foo/bar"
    ```
  */
  splitRoot =
    path:
    let
      parts = deconstruct path;
    in
    assert checkPath "splitRoot" "Argument" path;
    {
      inherit (parts) root;
      subpath = fromNames parts.names;
    };

  /**
    Whether a path value is a store path or inside of one.

    # Type
    `hasStorePathPrefix :: Path -> Bool`

    # Example
    ```nix
    path.hasStorePathPrefix /home/user
    => false
    ```
  */
  hasStorePathPrefix =
    path:
    let
      inherit (deconstruct path) names;
      isBelowStore = length names > storeDepth && genList (elemAt names) storeDepth == storeNames;
    in
    assert checkPath "hasStorePathPrefix" "Argument" path;
    if isBelowStore then
      # The store's own files are no store paths.
      match "[0-9a-z]{32}-.*" (elemAt names storeDepth) != null
    else
      # the stand-in of an output that isn't built yet
      names != [ ] && match "[0-9a-z]{52}" (head names) != null;

  /**
    Functions on subpaths: strings that are relative paths which never go up.

    # Type
    `subpath :: { [String] :: Any }`
  */
  subpath = rec {
    /**
      Whether a value is a subpath: a string that is not empty, doesn't begin with a slash, and has no `..` in it.

      # Type
      `subpath.isValid :: Any -> Bool`

      # Example
      ```nix
      map path.subpath.isValid [ "foo/bar" "/foo" "../foo" "" null ]
      => [ true false false false false ]
      ```
    */
    isValid = value: problemOf value == null;

    /**
      Joins subpaths to one.

      # Type
      `subpath.join :: [ String ] -> String`

      # Example
      ```nix
      path.subpath.join [ "./foo" "." "bar//baz/" ]
      => "./foo/bar/baz"
      ```
    */
    join =
      subpaths:
      fromNames (
        builtins.concatLists (
          lib.lists.imap0 (
            n: part:
            assert checked "subpath.join" "Element at index ${toString n}" part;
            namesOf part
          ) subpaths
        )
      );

    /**
      The names in a subpath.

      # Type
      `subpath.components :: String -> [ String ]`

      # Example
      ```nix
      path.subpath.components "./foo//bar/"
      => [ "foo" "bar" ]
      ```
    */
    components =
      subpath:
      assert checked "subpath.components" "Argument" subpath;
      namesOf subpath;

    /**
      The only way to write a subpath: with `./` before it, single slashes, and nothing that says nothing.

      # Type
      `subpath.normalise :: String -> String`

      # Example
      ```nix
      map path.subpath.normalise [ "foo//bar/." "." ]
      => [ "./foo/bar" "./." ]
      ```
    */
    normalise =
      subpath:
      assert checked "subpath.normalise" "Argument" subpath;
      fromNames (namesOf subpath);
  };
}
