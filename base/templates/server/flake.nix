{
  description = "A NixOS machine that serves web pages: `nix run` boots it in this terminal";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/23.11";
    flake-utils.url = "github:numtide/flake-utils/v1.0.0";
  };

  outputs = { flake-utils, nixpkgs, ... }:
    flake-utils.lib.eachDefaultSystem (system:
      let
        pkgs = nixpkgs.legacyPackages.${system};

        # The machine is always a Linux one, on a Mac, too.
        guest = builtins.replaceStrings [ "darwin" ] [ "linux" ] system;

        machine = nixpkgs.lib.nixosSystem {
          system = guest;
          modules = [
            ./module.nix
            ({ modulesPath, ... }: {
              imports = [ "${modulesPath}/virtualisation/qemu-vm.nix" ];
              # The program that starts the machine runs here, not in it.
              virtualisation.host.pkgs = pkgs;
            })
          ];
        };

        start = pkgs.writeShellScript "start-machine" ''
          # Every start gets a fresh disk, which goes away with the machine.
          NIX_DISK_IMAGE=$(mktemp -u -t nixos.qcow2.XXXXXX)
          export NIX_DISK_IMAGE
          trap 'rm -f "$NIX_DISK_IMAGE"' EXIT
          ${machine.config.system.build.vm}/bin/run-nixos-vm
        '';
      in
      {
        packages = { inherit machine; };
        apps.default = { type = "app"; program = "${start}"; };
      });
}
