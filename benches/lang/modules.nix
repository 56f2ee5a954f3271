# Merging modules, with the library of the package set.
{ n ? 60, lib ? import ../../base/lib }:
(import ../modules/case.nix { inherit lib; size = n; }).same
