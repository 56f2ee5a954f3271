let
  machine = modules: import ./base/nixos/lib/eval-config.nix {
    system = "x86_64-linux";
    modules = [ ./base/nixos/modules/virtualisation/qemu-vm.nix { system.stateVersion = "23.11"; } ] ++ modules;
  };
in
let
  lib = import ./base/lib;
  inherit (lib) mkMerge;
  ports = module: (machine [ module ]).config.networking.firewall.allowedTCPPorts;
in
map ports [
  { networking.firewall.allowedTCPPorts = [ 80 443 ]; }
  { networking.firewall.allowedTCPPorts = mkMerge [ [ 80 ] [ 443 ] ]; }
  { networking.firewall = mkMerge [ { allowedTCPPorts = [ 443 ]; } { allowedTCPPorts = [ 80 ]; } ]; }
  { networking = mkMerge [ { firewall.allowedTCPPorts = [ 80 ]; } { firewall.allowedTCPPorts = [ 443 80 ]; } ]; }
  { config = mkMerge [ { networking.firewall.allowedTCPPorts = [ 80 ]; } { networking.firewall.allowedTCPPorts = [ 443 ]; } ]; }
]
