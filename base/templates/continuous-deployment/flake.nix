{
  description = "A web server that updates itself from a Git repository, with secrets";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/23.05";
    sops-nix.url = "github:Mic92/sops-nix";
  };

  # Paths that the checks of the repository have built already need not be built again.
  nixConfig = {
    extra-substituters = [ "https://cache.example.org" ];
    extra-trusted-public-keys = [ ];
  };

  outputs = { nixpkgs, sops-nix, ... }: {
    nixosConfigurations.default = nixpkgs.lib.nixosSystem {
      system = "x86_64-linux";
      modules = [ ./module.nix sops-nix.nixosModules.sops ];
    };
  };
}
