let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

in
config [
  { options.serviceConfig = mkOption { type = types.attrsOf (types.oneOf [ types.bool types.int types.str ]); }; }
  ./nginx.nix
  { _file = "module.nix"; config.serviceConfig.RestartSec = "5s"; }
]
