let
  lib = import ./base/lib;
in
(lib.evalModules { modules = [ ./top-level.nix ]; }).config
