let
  machine = modules: import ./base/nixos/lib/eval-config.nix {
    system = "x86_64-linux";
    modules = [ ./base/nixos/modules/virtualisation/qemu-vm.nix { system.stateVersion = "23.11"; } ] ++ modules;
  };
in
builtins.attrNames (machine [ ({ lib, ... }: { services.nginx.enable = true; systemd.services.nginx.serviceConfig = lib.mkForce { RestartSec = "5s"; }; }) ]).config.systemd.services.nginx.serviceConfig
