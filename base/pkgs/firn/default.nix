# Firn itself: the program that evaluates and builds this, as a package. Machines carry it as their `nix`, and it activates
# their configurations. Its identity is the build ID of the executable, so that a store never takes one for another.
{ lib }:
let
  file = ../../build-id;
  buildId = lib.trim (builtins.readFile file);
in
if !builtins.pathExists file then
  throw "pkgs.firn: this copy of the base is not the one inside Firn, so that it does not know which Firn it belongs to: use the flake `nixpkgs` of the command `firn`, or --base"
else
  derivation {
    name = "firn-0.1.0";
    system = "builtin";
    builder = "builtin:firn";
    inherit buildId;
    preferLocalBuild = true;
    allowSubstitutes = true;
  } // {
    pname = "firn";
    version = "0.1.0";
    inherit buildId;
    meta = { description = "The package manager and everything around it"; mainProgram = "firn"; priority = 4; license = lib.licenses.mit; outputsToInstall = [ "out" ]; };
  }
