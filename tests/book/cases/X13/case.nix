let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

  withDefault = { options.foo = mkOption { default = 1; }; };
  without = {
    options.foo = mkOption { };
    config.foo = mkOptionDefault 1;
  };
in
map (first: map (definitions: (config ([ first ] ++ definitions)).foo) [
  [ ]
  [ { foo = mkDefault 2; } ]
  [ { foo = mkDefault 2; } { foo = 3; } ]
]) [ withDefault without ]
