{
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/23.11";
  outputs =
    { nixpkgs, ... }:
    let
      # The fixed point without the module system.
      topLevel =
        { config, lib, ... }:
        {
          options.system.nixos.release = lib.mkOption { type = lib.types.str; };
          options.system.build.toplevel = lib.mkOption { type = lib.types.str; };
          config.system.nixos.release = "23.11";
          config.system.build.toplevel = "Fake NixOS - version ${config.system.nixos.release}";
        };
      result = topLevel {
        inherit (result) config options;
        inherit (nixpkgs) lib;
      };
    in
    result;
}
