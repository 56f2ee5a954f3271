let
  machine = modules: import ./base/nixos/lib/eval-config.nix {
    system = "x86_64-linux";
    modules = [ ./base/nixos/modules/virtualisation/qemu-vm.nix { system.stateVersion = "23.11"; } ] ++ modules;
  };
in
(machine [ ]).options.networking.firewall.allowedTCPPorts.type.description
