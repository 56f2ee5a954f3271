# Sets and functions in imports behave as files do.
let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

  declare = { options.greeting = mkOption { type = types.str; }; };
in
map (module: (config [ { imports = [ declare module ]; } ]).greeting) [
  ./file.nix
  { greeting = "hello"; }
  ({ lib, ... }: { greeting = "hello"; })
]
