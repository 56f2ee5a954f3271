let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

in
(config [
  {
    options.s = mkOption {
      type = types.submodule {
        freeformType = types.attrsOf types.int;
        options.x = mkOption { type = types.str; default = "d"; };
      };
    };
    config.s.y = 3;
  }
]).s
