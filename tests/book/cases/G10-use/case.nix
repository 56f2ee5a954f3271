let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

  result = config [
    (lib.mkRenamedOptionModule [ "a" "b" ] [ "c" ])
    { options.c = mkOption { type = types.int; default = 4; }; }
  ];
in
result.a.b
