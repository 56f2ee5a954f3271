let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

in
config [
  {
    options.RestartSec = mkOption { type = types.str; };
    config.RestartSec = mkMerge [ (mkForce "5s") (mkOverride 49 "3s") ];
  }
]
