# Variants of a machine that are part of its generation.
{ config, lib, extendModules, ... }:
let
  inherit (lib) mkOption types;
in
{
  options.specialisation = mkOption {
    default = { };
    description = "Variants of the configuration: entries of the boot menu, and what `nixos-rebuild test --specialisation NAME` switches to.";
    type = types.attrsOf (types.submodule (local: {
      options = {
        inheritParentConfig = mkOption { type = types.bool; default = true; description = "Whether the variant has the rest of the configuration."; };
        configuration = mkOption {
          default = { };
          description = "What is different.";
          type = (extendModules { modules = [ { specialisation = lib.mkOverride 0 { }; } ]; }).type;
          visible = "shallow";
        };
      };
    }));
  };
  config.system.build.specialisations = lib.mapAttrs (_: s: s.configuration.system.build.toplevel) config.specialisation;
}
