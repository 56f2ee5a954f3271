# Looking into strings, cutting and replacing.
{ lib }:
let
  inherit (builtins)
    filter
    foldl'
    genList
    head
    isPath
    isString
    match
    split
    stringLength
    substring
    replaceStrings
    ;

  # These functions once accepted paths, which they silently copied to the store.
  noPath =
    function: which: value: result:
    if isPath value then
      lib.trivial.warn ''
        lib.strings.${function}: The ${which} argument (${toString value}) is a path value, but only strings are supported.
            A path is copied to the store to make a string of it, so the result is hardly ever the one meant; use `toString`, or the functions of `lib.path`.'' result
    else
      result;
in
rec {
  /**
    Whether the second string begins with the first.

    # Type
    `hasPrefix :: String -> String -> Bool`

    # Example
    ```nix
    map (hasPrefix "foo") [ "foobar" "barfoo" ]
    => [ true false ]
    ```
  */
  hasPrefix =
    prefix: str:
    noPath "hasPrefix" "first" prefix (substring 0 (stringLength prefix) str == prefix);

  /**
    Whether the second string ends with the first.

    # Type
    `hasSuffix :: String -> String -> Bool`

    # Example
    ```nix
    map (hasSuffix "foo") [ "foobar" "barfoo" ]
    => [ false true ]
    ```
  */
  hasSuffix =
    suffix: content:
    let
      size = stringLength content;
      start = size - stringLength suffix;
    in
    noPath "hasSuffix" "first" suffix (start >= 0 && substring start size content == suffix);

  /**
    Whether the first string occurs in the second.

    # Type
    `hasInfix :: String -> String -> Bool`

    # Example
    ```nix
    map (hasInfix "bc") [ "abcd" "acbd" ]
    => [ true false ]
    ```
  */
  hasInfix =
    infix: content:
    noPath "hasInfix" "first" infix (
      infix == "" || replaceStrings [ "${infix}" ] [ "" ] "${content}" != "${content}"
    );

  /**
    The second string without the first at its beginning, if it is there.

    # Type
    `removePrefix :: String -> String -> String`

    # Example
    ```nix
    map (removePrefix "foo.") [ "foo.bar" "bar" ]
    => [ "bar" "bar" ]
    ```
  */
  removePrefix =
    prefix: str:
    let
      size = stringLength prefix;
    in
    noPath "removePrefix" "first" prefix (
      # -1 takes the rest
      if substring 0 size str == prefix then substring size (-1) str else str
    );

  /**
    The second string without the first at its end, if it is there.

    # Type
    `removeSuffix :: String -> String -> String`

    # Example
    ```nix
    map (removeSuffix ".c") [ "main.c" "main" ]
    => [ "main" "main" ]
    ```
  */
  removeSuffix =
    suffix: str:
    let
      size = stringLength str;
      start = size - stringLength suffix;
    in
    noPath "removeSuffix" "first" suffix (
      if start >= 0 && substring start size str == suffix then substring 0 start str else str
    );

  /**
    Replaces every occurrence of one string by another.

    # Type
    `replaceString :: String -> String -> String -> String`

    # Example
    ```nix
    replaceString "." "_" "v1.2.3"
    => "v1_2_3"
    ```
  */
  replaceString = from: to: replaceStrings [ from ] [ to ];

  /**
    Cuts a string at a separator.

    # Type
    `splitString :: String -> String -> [ String ]`

    # Example
    ```nix
    splitString "/" "/usr/local"
    => [ "" "usr" "local" ]
    ```
  */
  splitString =
    sep: s:
    let
      parts = filter isString (split (lib.strings.escapeRegex (toString sep)) (toString s));
    in
    map (addContextFrom s) parts;

  /**
    Cuts a string where a predicate of two neighbouring characters says so (for the first character the
    one before is `""`). The character at a cut is dropped, or begins the next part if `keepSplit`.

    # Type
    `splitStringBy :: (String -> String -> Bool) -> Bool -> String -> [ String ]`

    # Example
    ```nix
    splitStringBy (prev: curr: curr == "." || curr == "-") false "foo.bar-baz"
    => [ "foo" "bar" "baz" ]
    ```
  */
  splitStringBy =
    predicate: keepSplit: str:
    let
      size = stringLength str;
      char = n: if n < 0 then "" else substring n 1 str;
      cuts = filter (n: predicate (char (n - 1)) (char n)) (genList (n: n) size);
      # The parts as [ start end ], the last one open until the end.
      step = acc: cut: {
        parts = acc.parts ++ [ (substring acc.start (cut - acc.start) str) ];
        start = if keepSplit then cut else cut + 1;
      };
      all = foldl' step {
        parts = [ ];
        start = 0;
      } cuts;
    in
    all.parts ++ [ (substring all.start (size - all.start) str) ];

  /**
    Removes white space (space, tab, newline, carriage return) at both ends.

    # Type
    `trim :: String -> String`

    # Example
    ```nix
    trim "  hello, world \n"
    => "hello, world"
    ```
  */
  trim = trimWith {
    start = true;
    end = true;
  };

  /**
    Removes white space at the start, at the end, or both.

    # Type
    `trimWith :: { start :: Bool ? false; end :: Bool ? false; } -> String -> String`

    # Example
    ```nix
    trimWith { end = true; } " a "
    => " a"
    ```
  */
  trimWith =
    {
      start ? false,
      end ? false,
    }:
    let
      before = if start then "[ \t\r\n]*" else "";
      kept = if end then "(.*[^ \t\r\n])[ \t\r\n]*" else "(.*)";
      # With a start to cut, what is kept must not begin with the same characters again.
      regex =
        if start && end then
          "${before}([^ \t\r\n].*[^ \t\r\n]|[^ \t\r\n])[ \t\r\n]*"
        else if start then
          "${before}([^ \t\r\n].*)"
        else
          kept;
    in
    s:
    let
      found = match regex s;
    in
    if found == null then "" else head found;

  /**
    The string with the context (the store paths it refers to) of another string added.

    # Type
    `addContextFrom :: String -> String -> String`

    # Example
    ```nix
    addContextFrom "a" "b"
    => "b"
    ```
  */
  addContextFrom = src: target: substring 0 0 src + target;

  inherit (builtins) appendContext;

  /**
    Joins runs of slashes into one.

    # Type
    `normalizePath :: String -> String`

    # Example
    ```nix
    strings.normalizePath "/a//b///c/"
    => "/a/b/c/"
    ```
  */
  normalizePath =
    s:
    let
      joined = foldl' (
        acc: part: if isString part then acc + part else acc + "/"
      ) "" (split "/+" s);
    in
    addContextFrom s joined;
}
