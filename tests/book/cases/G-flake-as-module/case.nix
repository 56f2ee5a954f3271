let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

  int = mkOption { type = types.int; };
in
(lib.evalModules { class = "nixos"; modules = [ { _file = "/m.nix"; imports = [ { _type = "flake"; outPath = "/x"; } ]; } ]; }).config
