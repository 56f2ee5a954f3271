# Calling packages with their arguments, changing them afterwards, and sets of them.
{ lib }:
import ./override.nix { inherit lib; }
// import ./derivations.nix { inherit lib; }
// import ./scopes.nix { inherit lib; }
