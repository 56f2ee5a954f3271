let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

  int = mkOption { type = types.int; };
in
(config [ (lib.mkRemovedOptionModule [ "a" "b" ] "Use c.") { options.assertions = mkOption { default = [ ]; }; } ]).a.b
