# What is known about this release and about where evaluation happens; files of data.
{ lib }:
let
  inherit (builtins) getEnv pathExists;
  inherit (lib.trivial) warn warnIf;

  releaseFile = builtins.readFile ../.version;
in
rec {
  ## This release

  /**
    The release this library belongs to, as `"YY.MM"`.

    # Type
    `release :: String`
  */
  release = builtins.replaceStrings [ "\n" ] [ "" ] releaseFile;

  /**
    The oldest release that is still supported, as a number: `2605` for `26.05`.
    Warnings about what is deprecated wait until a replacement is in every supported release.

    # Type
    `oldestSupportedRelease :: Int`
  */
  oldestSupportedRelease = 2605;

  /**
    Whether every supported release is at least the given one (a number as `2605`).

    # Type
    `oldestSupportedReleaseIsAtLeast :: Int -> Bool`

    # Example
    ```nix
    oldestSupportedReleaseIsAtLeast 2311
    => true
    ```
  */
  oldestSupportedReleaseIsAtLeast = release: release <= oldestSupportedRelease;

  /**
    Old name of `oldestSupportedReleaseIsAtLeast`.

    # Type
    `isInOldestRelease :: Int -> Bool`
  */
  isInOldestRelease =
    warnIf (oldestSupportedReleaseIsAtLeast 2411)
      "lib.isInOldestRelease is deprecated. Use lib.oldestSupportedReleaseIsAtLeast instead."
      oldestSupportedReleaseIsAtLeast;

  /**
    The name of this release.

    # Type
    `codeName :: String`
  */
  codeName = "Firn";

  /**
    What follows the release in the version: read from `.version-suffix` beside the library's folder,
    else `"pre-git"`.

    # Type
    `versionSuffix :: String`
  */
  versionSuffix =
    let
      file = ../../.version-suffix;
    in
    if pathExists file then lib.strings.fileContents file else "pre-git";

  /**
    The full version: release and suffix.

    # Type
    `version :: String`
  */
  version = release + versionSuffix;

  /**
    Old name of `version`.

    # Type
    `nixpkgsVersion :: String`
  */
  nixpkgsVersion = warn "lib.nixpkgsVersion is deprecated; use lib.version" version;

  /**
    The revision of this tree if it is known (a file `.git-revision` or a work tree of git),
    else the given default.

    # Type
    `revisionWithDefault :: String -> String`
  */
  revisionWithDefault =
    default:
    let
      file = "${toString ../..}/.git-revision";
      git = "${toString ../..}/.git";
    in
    if pathExists git then
      lib.sources.commitIdFromGitRepo git
    else if pathExists file then
      lib.strings.fileContents file
    else
      default;

  ## Where evaluation happens

  /**
    Whether evaluation was started by `nix-shell`.

    # Type
    `inNixShell :: Bool`
  */
  inNixShell = getEnv "IN_NIX_SHELL" != "";

  /**
    Whether evaluation is pure (as flakes are).

    # Type
    `inPureEvalMode :: Bool`
  */
  inPureEvalMode = !builtins ? currentSystem;

  ## Files of data

  /**
    Reads a JSON file as a value.

    # Type
    `importJSON :: Path -> Any`
  */
  importJSON = path: builtins.fromJSON (builtins.readFile path);

  /**
    Reads a TOML file as a value.

    # Type
    `importTOML :: Path -> Any`
  */
  importTOML = path: builtins.fromTOML (builtins.readFile path);
}
