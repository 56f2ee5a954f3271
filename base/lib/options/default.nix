# Options: declaring, joining definitions, showing, documenting.
{ lib }:
import ./declare.nix { inherit lib; }
// import ./merge.nix { inherit lib; }
// import ./show.nix { inherit lib; }
// import ./document.nix { inherit lib; }
