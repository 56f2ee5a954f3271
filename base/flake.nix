{
  description = "The embedded package set of Firn: its library, packages and modules";

  outputs =
    { self }:
    {
      # The library, with the version of this tree.
      lib = import ./lib/flake.nix self;
    };
}
