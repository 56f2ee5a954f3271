# Version strings and their parts.
{ lib }:
rec {
  inherit (builtins) compareVersions splitVersion;

  /**
    The first part of a version.

    # Type
    `major :: String -> String`

    # Example
    ```nix
    versions.major "1.2.3"
    => "1"
    ```
  */
  major = v: builtins.elemAt (splitVersion v) 0;

  /**
    The second part of a version.

    # Type
    `minor :: String -> String`

    # Example
    ```nix
    versions.minor "1.2.3"
    => "2"
    ```
  */
  minor = v: builtins.elemAt (splitVersion v) 1;

  /**
    The third part of a version.

    # Type
    `patch :: String -> String`

    # Example
    ```nix
    versions.patch "1.2.3"
    => "3"
    ```
  */
  patch = v: builtins.elemAt (splitVersion v) 2;

  /**
    The first two parts of a version.

    # Type
    `majorMinor :: String -> String`

    # Example
    ```nix
    versions.majorMinor "1.2.3"
    => "1.2"
    ```
  */
  majorMinor = v: builtins.concatStringsSep "." (lib.lists.take 2 (splitVersion v));

  /**
    The version with exactly `n` parts: zeroes are added, or parts cut off. What follows a hyphen is
    dropped.

    # Type
    `pad :: Int -> String -> String`

    # Example
    ```nix
    [ (versions.pad 3 "1.2") (versions.pad 2 "1.2.3") (versions.pad 3 "1.3-rc1") ]
    => [ "1.2.0" "1.2" "1.3.0-rc1" ]
    ```
  */
  pad =
    n: version:
    let
      found = builtins.match "([^-]*)(.*)" version;
      numbers = lib.lists.take n (splitVersion (builtins.head found));
    in
    builtins.concatStringsSep "." (
      numbers ++ lib.lists.replicate (n - builtins.length numbers) "0"
    )
    + builtins.elemAt found 1;
}
