# Joining strings, search paths among them.
{ lib }:
let
  inherit (builtins)
    concatMap
    concatStringsSep
    elemAt
    genList
    length
    ;
  inherit (lib.lists) imap1;
  inherit (lib.attrsets) mapAttrsToList;
in
rec {
  inherit concatStringsSep;

  /**
    Joins strings with a separator between them.

    # Type
    `join :: String -> [ String ] -> String`

    # Example
    ```nix
    join ", " [ "a" "b" ]
    => "a, b"
    ```
  */
  join = concatStringsSep;

  /**
    Joins strings.

    # Type
    `concatStrings :: [ String ] -> String`

    # Example
    ```nix
    concatStrings [ "foo" "bar" ]
    => "foobar"
    ```
  */
  concatStrings = concatStringsSep "";

  /**
    Joins what a function makes of the elements.

    # Type
    `concatMapStrings :: (a -> String) -> [ a ] -> String`

    # Example
    ```nix
    concatMapStrings (x: "<${x}>") [ "a" "b" ]
    => "<a><b>"
    ```
  */
  concatMapStrings = f: list: concatStringsSep "" (map f list);

  /**
    Joins what a function of position (from 1) and element makes.

    # Type
    `concatImapStrings :: (Int -> a -> String) -> [ a ] -> String`

    # Example
    ```nix
    concatImapStrings (pos: x: "${toString pos}-${x} ") [ "a" "b" ]
    => "1-a 2-b "
    ```
  */
  concatImapStrings = f: list: concatStringsSep "" (imap1 f list);

  /**
    Joins what a function makes of the elements, with a separator.

    # Type
    `concatMapStringsSep :: String -> (a -> String) -> [ a ] -> String`

    # Example
    ```nix
    concatMapStringsSep "-" toUpper [ "a" "b" ]
    => "A-B"
    ```
  */
  concatMapStringsSep =
    sep: f: list:
    concatStringsSep sep (map f list);

  /**
    Joins what a function of position (from 1) and element makes, with a separator.

    # Type
    `concatImapStringsSep :: String -> (Int -> a -> String) -> [ a ] -> String`

    # Example
    ```nix
    concatImapStringsSep "-" (pos: x: toString (x / pos)) [ 6 6 6 ]
    => "6-3-2"
    ```
  */
  concatImapStringsSep =
    sep: f: list:
    concatStringsSep sep (imap1 f list);

  /**
    Joins what a function of name and value makes of a set, with a separator.

    # Type
    `concatMapAttrsStringSep :: String -> (String -> a -> String) -> { [String] :: a } -> String`

    # Example
    ```nix
    concatMapAttrsStringSep "; " (name: value: "${name}=${value}") { a = "1"; b = "2"; }
    => "a=1; b=2"
    ```
  */
  concatMapAttrsStringSep =
    sep: f: set:
    concatStringsSep sep (mapAttrsToList f set);

  /**
    Ends every string with a newline and joins them.

    # Type
    `concatLines :: [ String ] -> String`

    # Example
    ```nix
    concatLines [ "foo" "bar" ]
    => "foo\nbar\n"
    ```
  */
  concatLines = concatMapStrings (s: s + "\n");

  /**
    Puts an element between any two neighbours of a list.

    # Type
    `intersperse :: a -> [ a ] -> [ a ]`

    # Example
    ```nix
    intersperse "/" [ "usr" "local" "bin" ]
    => [ "usr" "/" "local" "/" "bin" ]
    ```
  */
  intersperse =
    separator: list:
    let
      size = length list;
    in
    if size < 2 then
      list
    else
      genList (
        n:
        if lib.trivial.mod n 2 == 0 then elemAt list (n / 2) else separator
      ) (2 * size - 1);

  /**
    A string `n` times.

    # Type
    `replicate :: Int -> String -> String`

    # Example
    ```nix
    strings.replicate 3 "ab"
    => "ababab"
    ```
  */
  replicate = n: s: concatStringsSep "" (genList (_: s) n);

  /**
    The string if the condition holds, else the empty one.

    # Type
    `optionalString :: Bool -> String -> String`

    # Example
    ```nix
    optionalString true "a" + optionalString false "b"
    => "a"
    ```
  */
  optionalString = cond: string: if cond then string else "";

  /**
    A search path: a folder inside each of the given ones, separated by colons. Nulls are left out.

    # Type
    `makeSearchPath :: String -> [ String ] -> String`

    # Example
    ```nix
    makeSearchPath "bin" [ "/usr" null "/opt" ]
    => "/usr/bin:/opt/bin"
    ```
  */
  makeSearchPath =
    subDir: paths:
    concatStringsSep ":" (
      concatMap (path: if path == null then [ ] else [ (path + "/" + subDir) ]) paths
    );

  /**
    A search path in one of the outputs of packages.

    # Type
    `makeSearchPathOutput :: String -> String -> [ Derivation ] -> String`

    # Example
    ```nix
    makeSearchPathOutput "dev" "bin" [ { dev.outPath = "/dev"; outPath = "/out"; } "/usr" ]
    => "/dev/bin:/usr/bin"
    ```
  */
  makeSearchPathOutput =
    output: subDir: pkgs:
    makeSearchPath subDir (map (lib.attrsets.getOutput output) pkgs);

  /**
    The search path of shared libraries in packages.

    # Type
    `makeLibraryPath :: [ Derivation ] -> String`

    # Example
    ```nix
    makeLibraryPath [ "/usr" "/usr/local" ]
    => "/usr/lib:/usr/local/lib"
    ```
  */
  makeLibraryPath = makeSearchPathOutput "lib" "lib";

  /**
    The search path of header files in packages.

    # Type
    `makeIncludePath :: [ Derivation ] -> String`

    # Example
    ```nix
    makeIncludePath [ "/usr" ]
    => "/usr/include"
    ```
  */
  makeIncludePath = makeSearchPathOutput "dev" "include";

  /**
    The search path of programs in packages.

    # Type
    `makeBinPath :: [ Derivation ] -> String`

    # Example
    ```nix
    makeBinPath [ "/usr" ]
    => "/usr/bin"
    ```
  */
  makeBinPath = makeSearchPathOutput "bin" "bin";
}
