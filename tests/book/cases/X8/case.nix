let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

in
(config [
  {
    options.services.zookeeper.extraConf = mkOption { type = types.lines; };
    config.services.zookeeper.extraConf = mkMerge [ "initLimit=5" "syncLimit=2" ];
  }
]).services.zookeeper.extraConf
