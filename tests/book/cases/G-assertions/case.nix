let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

  int = mkOption { type = types.int; };
in
lib.asserts.checkAssertWarn [ { assertion = false; message = "one"; } { assertion = true; message = "fine"; } { assertion = false; message = "two"; } ] [ ] null
