# Functions on lists, by what they are for.
{ lib }:
{
  inherit (builtins)
    all
    any
    concatLists
    concatMap
    elem
    elemAt
    filter
    genList
    head
    isList
    length
    map
    partition
    sort
    tail
    ;
}
// import ./build.nix { inherit lib; }
// import ./fold.nix { inherit lib; }
// import ./slice.nix { inherit lib; }
// import ./search.nix { inherit lib; }
// import ./order.nix { inherit lib; }
// import ./sets.nix { inherit lib; }
