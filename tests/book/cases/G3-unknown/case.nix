let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

  declare = { options.o = mkOption { type = types.attrTag { a = mkOption { type = types.int; }; }; }; };
in
(config [ declare { _file = "/m.nix"; config.o.b = 1; } ]).o
