# Text in formats that programs read, from Nix values. Most generators take a set of settings and then the value.
{ lib }:
import ./key-value.nix { inherit lib; }
// import ./pretty.nix { inherit lib; }
// import ./lua.nix { inherit lib; }
// import ./markup.nix { inherit lib; }
