{
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/23.11";
  outputs =
    { nixpkgs, ... }:
    nixpkgs.lib.evalModules {
      modules = [
        (
          { config, lib, ... }:
          {
            options.system.nixos.release = lib.mkOption { type = lib.types.str; };
            options.system.build.toplevel = lib.mkOption { type = lib.types.str; };
            config.system.nixos.release = "23.11";
            config.system.build.toplevel = "Fake NixOS - version ${config.system.nixos.release}";
          }
        )
      ];
    };
}
