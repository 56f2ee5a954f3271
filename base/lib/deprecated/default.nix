# Functions that nothing new should use; they are here for old expressions.
{ lib }:
import ./misc.nix { inherit lib; } // import ./merge.nix { inherit lib; }
