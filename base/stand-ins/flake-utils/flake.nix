{
  description = "Stands in for flake-utils: outputs for several systems at once";

  outputs = { self }: { lib = import ./lib.nix; };
}
