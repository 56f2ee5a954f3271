# Names and versions of packages in strings.
{ lib }:
let
  inherit (builtins)
    compareVersions
    head
    isString
    parseDrvName
    split
    stringLength
    substring
    unsafeDiscardStringContext
    ;
in
{
  /**
    Whether the first version is older than the second.

    # Type
    `versionOlder :: String -> String -> Bool`

    # Example
    ```nix
    map (versionOlder "1.1") [ "1.2" "1.1" ]
    => [ true false ]
    ```
  */
  versionOlder = v1: v2: compareVersions v2 v1 == 1;

  /**
    Whether the first version is the second or a newer one.

    # Type
    `versionAtLeast :: String -> String -> Bool`

    # Example
    ```nix
    map (versionAtLeast "1.1") [ "1.0" "1.1" "1.2" ]
    => [ true true false ]
    ```
  */
  versionAtLeast = v1: v2: compareVersions v2 v1 != 1;

  /**
    The name without the version, of a derivation or of a derivation's name.

    # Type
    `getName :: String | Derivation -> String`

    # Example
    ```nix
    map getName [ "youtube-dl-2016.01.01" { pname = "hello"; } ]
    => [ "youtube-dl" "hello" ]
    ```
  */
  getName =
    x: if isString x then (parseDrvName x).name else x.pname or (parseDrvName x.name).name;

  /**
    The version, of a derivation or in a derivation's name.

    # Type
    `getVersion :: String | Derivation -> String`

    # Example
    ```nix
    map getVersion [ "youtube-dl-2016.01.01" { version = "1.2"; } ]
    => [ "2016.01.01" "1.2" ]
    ```
  */
  getVersion =
    x: if isString x then (parseDrvName x).version else x.version or (parseDrvName x.name).version;

  /**
    The file name at the end of a URL, up to the first occurrence of a separator.

    # Type
    `nameFromURL :: String -> String -> String`

    # Example
    ```nix
    nameFromURL "https://example.org/nix/nix-1.7-x86_64-linux.tar.bz2" "-x86"
    => "nix-1.7"
    ```
  */
  nameFromURL =
    url: sep:
    let
      filename = baseNameOf url;
      name = head (lib.strings.splitString sep filename);
    in
    assert name != filename;
    name;

  /**
    A derivation's name made of any string: what isn't allowed becomes hyphens, leading dots go, the
    end is kept where it is too long.

    # Type
    `sanitizeDerivationName :: String -> String`

    # Example
    ```nix
    map strings.sanitizeDerivationName [ "../hello.bar # foo" "" "pkg-config 1.0" ]
    => [ "-hello.bar-foo" "unknown" "pkg-config-1.0" ]
    ```
  */
  sanitizeDerivationName =
    string:
    let
      text = unsafeDiscardStringContext (toString string);
      withoutDots = head (builtins.match "\\.*(.*)" text);
      clean = builtins.concatStringsSep "" (
        map (part: if isString part then part else "-") (split "[^a-zA-Z0-9+._?=-]+" withoutDots)
      );
      # A store path's name has at most 211 characters, ".drv" among them.
      size = stringLength clean;
      kept = substring (if size > 207 then size - 207 else 0) (-1) clean;
    in
    # Most names are good already.
    if stringLength text <= 207 && builtins.match "[[:alnum:]+_?=-][[:alnum:]+._?=-]*" text != null then
      text
    else if kept == "" then
      "unknown"
    else
      kept;
}
