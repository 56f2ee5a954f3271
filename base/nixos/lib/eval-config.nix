# Evaluates the modules of a machine: `lib.nixosSystem`, and `import <nixpkgs/nixos/lib/eval-config.nix>`.
{
  # A system's name; null leaves it to `nixpkgs.hostPlatform`.
  system ? builtins.currentSystem,
  # A package set to use instead of the base's.
  pkgs ? null,
  # The base's package sets by system, where the caller has them at hand: saves making them again.
  packageSets ? { },
  lib ? import ../../lib,
  baseModules ? import ../modules/module-list.nix,
  modules ? [ ],
  extraModules ? [ ],
  extraArgs ? { },
  specialArgs ? { },
  modulesLocation ? null,
  prefix ? [ ],
  check ? true,
}:
let
  surroundings = {
    _file = ./eval-config.nix;
    config = {
      _module.args = { inherit baseModules extraModules modules; noUserModules = noUserModules; } // extraArgs;
      nixpkgs = {
        internal.packageSets = packageSets;
      }
      // lib.optionalAttrs (system != null) { system = lib.mkDefault system; }
      // lib.optionalAttrs (pkgs != null) { pkgs = lib.mkDefault pkgs; };
    } // lib.optionalAttrs (!check) { _module.check = false; };
  };

  located =
    if modulesLocation == null then modules
    else map (lib.setDefaultModuleLocation modulesLocation) modules;

  evaluate = own: lib.evalModules {
    inherit prefix;
    class = "nixos";
    modules = [ surroundings ] ++ baseModules ++ extraModules ++ own;
    specialArgs = {
      modulesPath = builtins.toString ../modules;
    } // specialArgs;
  };

  noUserModules = evaluate [ ];

  withExtras = result: result // {
    inherit extraArgs lib;
    inherit (result._module.args) pkgs;
    extendModules = args: withExtras (result.extendModules args);
  };
in
withExtras (evaluate located)
