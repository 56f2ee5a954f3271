let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

in
(lib.evalModules {
  specialArgs.y = { b = 2; };
  modules = [
    { options.a = mkOption { }; options.b = mkOption { }; options.c = mkOption { }; }
    { _module.args.x = 1; }
    ({ x, y, ... }: { imports = [ y ]; a = x; c = y.b; })
  ];
}).config
