let
  machine = modules: import ./base/nixos/lib/eval-config.nix {
    system = "x86_64-linux";
    modules = [ ./base/nixos/modules/virtualisation/qemu-vm.nix { system.stateVersion = "23.11"; } ] ++ modules;
  };
in
let
  synonym = conditional: { config, lib, ... }: {
    options.services.kafka.enable = lib.mkEnableOption "Kafka";
    config.services.apache-kafka.enable = if conditional then lib.mkIf config.services.kafka.enable true else config.services.kafka.enable;
  };
in
[
  (machine [ (synonym true) { services.kafka.enable = true; } ]).config.services.apache-kafka.enable
  (machine [ (synonym true) { services.apache-kafka.enable = true; } ]).config.services.apache-kafka.enable
  (builtins.tryEval (machine [ (synonym false) { services.apache-kafka.enable = true; } ]).config.services.apache-kafka.enable).success
]
