# Functions on strings, by what they are for.
{ lib }:
{
  inherit (builtins)
    compareVersions
    elem
    elemAt
    filter
    fromJSON
    genList
    head
    isAttrs
    isInt
    isList
    isPath
    isString
    match
    parseDrvName
    readFile
    replaceStrings
    split
    stringLength
    substring
    tail
    toJSON
    typeOf
    unsafeDiscardStringContext
    ;

  /**
    The folder of store paths, as a string.

    # Type
    `storeDir :: String`
  */
  storeDir = builtins.storeDir;
}
// import ./concat.nix { inherit lib; }
// import ./search.nix { inherit lib; }
// import ./characters.nix { inherit lib; }
// import ./escape.nix { inherit lib; }
// import ./shell.nix { inherit lib; }
// import ./convert.nix { inherit lib; }
// import ./names.nix { inherit lib; }
// import ./build-flags.nix { inherit lib; }
// import ./distance.nix { inherit lib; }
