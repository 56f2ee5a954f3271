let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

  result = config [
    (lib.mkRenamedOptionModule [ "a" "b" ] [ "c" ])
    { options.c = mkOption { type = types.int; }; options.warnings = mkOption { type = types.listOf types.str; }; }
    { _file = "/m.nix"; config.a.b = mkForce 1; }
    { c = 2; }
  ];
in
{
  inherit (result) c warnings;
}
