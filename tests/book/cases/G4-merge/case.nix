let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

in
config [ { _file = "/m.nix"; imports = [ (mkMerge [ { u = 1; } ]) ]; } ]
