# The package set that the modules get as `pkgs`.
{ config, options, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.nixpkgs;
  system = cfg.hostPlatform.system or cfg.system;
  plain = cfg.config == { } && cfg.overlays == [ ];
  own =
    if plain && cfg.internal.packageSets ? ${system} then cfg.internal.packageSets.${system}
    else import ../../../pkgs { inherit system; inherit (cfg) config overlays; };
  set =
    if options.nixpkgs.pkgs.isDefined then
      (if cfg.overlays == [ ] then cfg.pkgs else cfg.pkgs.appendOverlays cfg.overlays)
    else own;
  platform = types.either types.str (types.attrsOf types.unspecified);
  toPlatform = p: if builtins.isString p then { system = p; } else p;
in
{
  options.nixpkgs = {
    pkgs = mkOption {
      type = types.raw;
      description = "The package set to use; overlays of `nixpkgs.overlays` are added to it.";
    };
    config = mkOption {
      type = types.lazyAttrsOf types.unspecified // { merge = _: defs: lib.foldl' lib.recursiveUpdate { } (map (d: if builtins.isFunction d.value then d.value { inherit lib; pkgs = set; } else d.value) defs); };
      default = { };
      description = "The configuration of the package set.";
    };
    overlays = mkOption {
      type = types.listOf (types.mkOptionType { name = "overlay"; description = "nixpkgs overlay"; check = builtins.isFunction; merge = lib.mergeOneOption; });
      default = [ ];
      description = "Overlays applied to the package set, in order.";
    };
    system = mkOption {
      type = types.str;
      default = "x86_64-linux";
      description = "The system to build for; prefer `nixpkgs.hostPlatform`.";
    };
    hostPlatform = mkOption {
      type = platform;
      default = cfg.system;
      apply = toPlatform;
      description = "The platform that the machine is.";
    };
    buildPlatform = mkOption {
      type = platform;
      default = cfg.hostPlatform;
      apply = toPlatform;
      description = "The platform that builds.";
    };
    localSystem = mkOption { type = types.attrs; default = { inherit (cfg) system; }; description = "Older name of `buildPlatform`."; };
    crossSystem = mkOption { type = types.nullOr types.attrs; default = null; description = "Older name of `hostPlatform`."; };
    flake = {
      source = mkOption { type = types.nullOr (types.either types.str types.path); default = null; description = "The flake that the package set is of."; };
      setNixPath = mkOption { type = types.bool; default = false; description = "Whether `NIX_PATH` names it."; };
      setFlakeRegistry = mkOption { type = types.bool; default = false; description = "Whether the registry names it."; };
    };
    internal.packageSets = mkOption { type = types.raw; default = { }; internal = true; description = "Package sets made already."; };
  };

  config._module.args = {
    pkgs = set;
    utils = import ../../lib/utils.nix { inherit lib; pkgs = set; };
  };
}
