# What the machine calls itself, and which release its data were made with.
{ config, options, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.system.nixos;
in
{
  options.system = {
    stateVersion = mkOption {
      type = types.strMatching "[[:digit:]]{2}\\.[[:digit:]]{2}";
      default = lib.warn "system.stateVersion is not set, defaulting to ${cfg.release}. Set it to the release that this machine was first installed with and never change it: services use it to keep reading the data that they have." cfg.release;
      defaultText = "the release, with a warning";
      description = "The release that the machine was first installed with. It decides formats and defaults of data that services keep, so upgrading does not change it.";
    };
    nixos = {
      version = mkOption { type = types.str; internal = true; default = cfg.release + cfg.versionSuffix; description = "The full version."; };
      release = mkOption { type = types.str; readOnly = true; default = lib.trivial.release; description = "The release."; };
      versionSuffix = mkOption { type = types.str; internal = true; default = lib.trivial.versionSuffix; description = "What follows the release in the version."; };
      revision = mkOption { type = types.nullOr types.str; internal = true; default = null; description = "The revision of the modules."; };
      codeName = mkOption { type = types.str; readOnly = true; default = "Firn"; description = "The release's name."; };
      distroId = mkOption { type = types.str; internal = true; default = "nixos"; description = "The identifier in os-release."; };
      distroName = mkOption { type = types.str; internal = true; default = "NixOS"; description = "The name in os-release."; };
      vendorId = mkOption { type = types.str; internal = true; default = "nixos"; description = "The maker's identifier."; };
      vendorName = mkOption { type = types.str; internal = true; default = "NixOS"; description = "The maker's name."; };
      variant_id = mkOption { type = types.nullOr types.str; default = null; description = "The variant in os-release."; };
      variantName = mkOption { type = types.nullOr types.str; default = null; description = "The variant's name in os-release."; };
      extraOSReleaseArgs = mkOption { type = types.attrsOf types.str; internal = true; default = { }; description = "More fields of os-release."; };
      tags = mkOption { type = types.listOf types.str; default = [ ]; description = "Words in front of the label."; };
      label = mkOption {
        type = types.strMatching "[a-zA-Z0-9:_.-]*";
        default = lib.concatStringsSep "-" (lib.sort lib.lessThan cfg.tags ++ [ cfg.version ]);
        defaultText = "tags and version";
        description = "The label of the generation in menus and store paths.";
      };
    };
    configurationRevision = mkOption { type = types.nullOr types.str; default = null; description = "The revision of the configuration, for `nixos-version`."; };
  };

  config.environment.etc = {
    NIXOS.text = "";
    os-release.text = lib.concatStrings (lib.mapAttrsToList (n: v: "${n}=${lib.escapeShellArg v}\n") (lib.filterAttrs (_: v: v != null) ({
      NAME = cfg.distroName;
      ID = cfg.distroId;
      ID_LIKE = if cfg.distroId == "nixos" then "firn" else "nixos";
      VERSION = "${cfg.release} (${cfg.codeName})";
      VERSION_CODENAME = lib.toLower cfg.codeName;
      VERSION_ID = cfg.release;
      BUILD_ID = cfg.version;
      PRETTY_NAME = "${cfg.distroName} ${cfg.release} (${cfg.codeName})";
      VARIANT_ID = cfg.variant_id;
      VARIANT = cfg.variantName;
    } // cfg.extraOSReleaseArgs)));
    lsb-release.text = ''
      DISTRIB_CODENAME=${lib.toLower cfg.codeName}
      DISTRIB_DESCRIPTION="${cfg.distroName} ${cfg.release} (${cfg.codeName})"
      DISTRIB_ID=${cfg.distroId}
      DISTRIB_RELEASE="${cfg.release}"
    '';
  };
}
