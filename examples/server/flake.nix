{
  description = "A web server as a virtual machine: firn run, then open http://localhost:8080";

  outputs = { nixpkgs, ... }:
    let
      system = "x86_64-linux";
      pkgs = nixpkgs.legacyPackages.${system};
      machine = nixpkgs.lib.nixosSystem {
        inherit system;
        modules = [
          ({ modulesPath, ... }: {
            imports = [ "${modulesPath}/virtualisation/qemu-vm.nix" ];
            virtualisation.graphics = false;
            virtualisation.host.pkgs = pkgs;
          })
          ./module.nix
        ];
      };
    in
    {
      packages.${system} = { inherit machine; };
      # The disk is new at every start and gone at the end.
      apps.${system}.default = {
        type = "app";
        program = "${pkgs.writeShellScript "run-server" ''
          export WWW=''${WWW:-$PWD/www}
          export NIX_DISK_IMAGE=$(mktemp -u -t server.XXXXXX.qcow2)
          trap 'rm -f "$NIX_DISK_IMAGE"' EXIT
          ${machine.config.system.build.vm}/bin/run-nixos-vm
        ''}";
      };
    };
}
