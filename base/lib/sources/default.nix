# Source trees: filtering them, and knowing where they come from.
{ lib }:
import ./filter.nix { inherit lib; } // import ./origin.nix { inherit lib; }
