# `lib.nixos`: functions about machines.
{ lib }:
{
  evalModules = { modules ? [ ], specialArgs ? { }, ... }@args: lib.evalModules (args // { class = "nixos"; specialArgs = { modulesPath = toString ../modules; } // specialArgs; });
  # The same as `nixosSystem`, for who has no flake.
  runTest = _: throw "tests with machines are not part of the base yet";
}
