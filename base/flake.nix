{
  description = "The package set embedded in Firn: seeds from Debian, and what is built from them";

  outputs = { self }:
    let
      # The library; its version says which revision this is.
      plainLib = import ./lib/flake.nix self;
      # A machine of NixOS: `nixosSystem { system; modules; specialArgs; }`.
      lib = plainLib.extend (final: _: {
        nixos = import ./nixos/lib { lib = final; };
        nixosSystem = args: import ./nixos/lib/eval-config.nix ({
          lib = final;
          system = null;
          packageSets = self.legacyPackages;
          modules = args.modules or [ ] ++ [ ({ config, pkgs, lib, ... }: {
            config.nixpkgs.flake.source = self.outPath;
            config.system.nixos.revision = lib.mkIf (self ? rev) (lib.mkDefault self.rev);
          }) ];
        } // removeAttrs args [ "modules" ]);
      });
      # Seeds are amd64 packages of Debian.
      systems = [ "x86_64-linux" ];
    in
    {
      inherit lib;
      nixosModules = { };
      templates = import ./templates;
      legacyPackages = plainLib.genAttrs systems (system: import ./pkgs { inherit system; });
    };
}
