let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

  declare = {
    options.enable = mkOption { type = types.bool; };
    options.unit.wantedBy = mkOption { type = types.listOf types.str; default = [ ]; };
    options.unit.script = mkOption { type = types.str; default = ""; };
    config.enable = true;
  };
in
config [
  declare
  ({ config, ... }: { config = mkIf config.enable { unit = { wantedBy = [ "multi-user.target" ]; script = "cowsay"; }; }; })
]
== config [
  declare
  (
    { config, ... }:
    {
      unit.wantedBy = mkIf config.enable [ "multi-user.target" ];
      unit.script = mkIf config.enable "cowsay";
    }
  )
]
