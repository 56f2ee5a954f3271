{
  description = "The package set embedded in Firn: seeds from Debian, and what is built from them";

  outputs = { self }:
    let
      lib = import ./lib;
      # Seeds are amd64 packages of Debian.
      systems = [ "x86_64-linux" ];
    in
    {
      inherit lib;
      legacyPackages = lib.genAttrs systems (system: import ./pkgs { inherit system; });
    };
}
