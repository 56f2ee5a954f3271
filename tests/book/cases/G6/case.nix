let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

in
(lib.evalModules {
  specialArgs.modulesPath = toString ./modules;
  modules = [
    { options.l = mkOption { type = types.listOf types.str; default = [ ]; }; }
    ./modules/one.nix
    ./two.nix
    { key = "three"; config.l = [ "three" ]; }
    { l = [ "four" ]; }
    { disabledModules = [ "one.nix" ./two.nix { key = "three"; } "no-such.nix" ./no-such.nix { key = "no-such"; } ]; }
  ];
}).config.l
