let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

  module = { options.o = mkOption { type = types.int; default = 1; }; };
in
config [ { _file = "/a.nix"; imports = [ module ]; } { _file = "/b.nix"; imports = [ module ]; } ]
