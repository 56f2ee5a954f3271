let
  machine = modules: import ./base/nixos/lib/eval-config.nix {
    system = "x86_64-linux";
    modules = [ ./base/nixos/modules/virtualisation/qemu-vm.nix { system.stateVersion = "23.11"; } ] ++ modules;
  };
in
map (value: (machine [ ({ lib, ... }: { services.nginx.enable = true; systemd.services.nginx.serviceConfig.RestartSec = value lib; }) ]).config.systemd.services.nginx.serviceConfig.RestartSec)
  [ (lib: lib.mkForce "5s") (lib: lib.mkOverride 50 "5s") (lib: lib.mkMerge [ (lib.mkForce "5s") (lib.mkOverride 49 "3s") ]) ]
