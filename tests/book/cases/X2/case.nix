let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

  declare = {
    options.a = mkOption { type = types.int; };
    options.b = mkOption { type = types.int; };
  };
in
map (module: config [ declare module ]) [
  { config = mkMerge [ { a = 1; } { b = 2; } ]; }
  { config = { a = 1; b = 2; }; }
  { imports = [ { a = 1; } { b = 2; } ]; }
]
