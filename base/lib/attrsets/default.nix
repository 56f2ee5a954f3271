# Functions on attribute sets, by what they are for.
{ lib }:
{
  inherit (builtins)
    attrNames
    attrValues
    catAttrs
    getAttr
    hasAttr
    intersectAttrs
    isAttrs
    listToAttrs
    mapAttrs
    removeAttrs
    ;
}
// import ./paths.nix { inherit lib; }
// import ./build.nix { inherit lib; }
// import ./recursive.nix { inherit lib; }
// import ./merge.nix { inherit lib; }
// import ./derivations.nix { inherit lib; }
