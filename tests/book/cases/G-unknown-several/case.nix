let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

  int = mkOption { type = types.int; };
in
config [ { options.foo = int; options.foe = int; options.for = int; options.fob = int; } { _file = "/m.nix"; config.fo = 1; } ]
