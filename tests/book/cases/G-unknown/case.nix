let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

  int = mkOption { type = types.int; };
in
config [ { options.services.foo = int; } { _file = "/m.nix"; config.services.fooo = 1; } ]
