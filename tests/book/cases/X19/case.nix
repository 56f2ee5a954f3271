let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

  declare = { options.l = mkOption { type = types.listOf types.raw; }; };
  gcc = { l = [ "gcc" ]; };
  clang = { l = mkOrder 1500 [ "clang" ]; };
in
[
  (config [ declare { imports = [ gcc clang ]; } ]).l
  (config [ declare { imports = [ clang gcc ]; } ]).l
  (config [ declare { l = mkMerge [ (mkAfter [ 3 ]) [ 2 ] (mkBefore [ 1 ]) ]; } ]).l
]
