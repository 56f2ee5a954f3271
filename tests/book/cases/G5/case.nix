let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

in
config [
  { options.l = mkOption { type = types.listOf types.int; }; }
  ./once.nix
  { imports = [ ./once.nix ]; }
]
