let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

in
config [
  {
    options.services.openssh.enable = mkOption { type = types.bool; };
    config.services.openssh.enable = mkMerge [ true true ];
  }
]
