let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

  moduleA = { packages = [ "A" ]; };
  moduleB = { packages = [ "B" ]; };
in
(config [
  {
    options.packages = mkOption { type = types.listOf types.str; };
    imports = [ moduleA moduleB ];
    config.packages = [ "main" ];
  }
]).packages
