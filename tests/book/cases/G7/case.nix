let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

  first = lib.evalModules { modules = [ { options.a = mkOption { type = types.int; default = 1; }; options.b = mkOption { type = types.int; }; } ({ config, ... }: { b = config.a + 1; }) ]; };
in
[
  (first.extendModules { modules = [ { a = 5; } ]; }).config
  (config [ { options.s = mkOption { type = first.type; default = { a = 7; }; }; } ]).s
  first.config
]
