let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

  declare = { options.l = mkOption { type = types.listOf types.raw; }; };
  A = { l = [ "A" ]; };
  B = { l = [ "B" ]; };
in
[
  (config [ declare { l = mkMerge [ (mkAfter [ 3 ]) [ 2 ] (mkBefore [ 1 ]) ]; } ]).l
  (config [ declare { imports = [ A B ]; config.l = [ "own" ]; } ]).l
]
