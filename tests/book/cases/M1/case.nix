# The forms of modules evaluate alike.
let
  lib = import ./base/lib;
  evaluate =
    module:
    (lib.evalModules {
      modules = [
        { options.greeting = lib.mkOption { type = lib.types.str; }; }
        module
      ];
    }).config.greeting;
in
map evaluate [
  ./full.nix
  ./function.nix
  ./imports-only.nix
  ./config-only.nix
  ./implied.nix
]
