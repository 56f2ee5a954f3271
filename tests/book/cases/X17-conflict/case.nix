let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;
  declare = {
    options.services.kafka.enable = mkOption { type = types.bool; default = false; };
    options.services.apache-kafka.enable = mkOption { type = types.bool; default = false; };
  };

in
config [
  declare
  ({ config, ... }: { _file = "synonym.nix"; config.services.apache-kafka.enable = config.services.kafka.enable; })
  { _file = "user.nix"; config.services.apache-kafka.enable = true; }
]
