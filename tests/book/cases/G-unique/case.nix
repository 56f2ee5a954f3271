let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

  int = mkOption { type = types.int; };
in
config [ { options.u = mkOption { type = types.uniq types.int; }; } { _file = "/a.nix"; config.u = 1; } { _file = "/b.nix"; config.u = 1; } ]
