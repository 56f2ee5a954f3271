# boot.json: what a boot loader has to know of a generation (RFC 125).
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.boot.bootspec;
in
{
  options.boot.bootspec = {
    enable = mkOption { type = types.bool; default = true; description = "Whether generations have a boot.json."; };
    enableValidation = mkOption { type = types.bool; default = false; description = "Without effect: it is always checked."; };
    extensions = mkOption { type = types.attrsOf types.anything; default = { }; description = "More data for loaders."; };
    document = mkOption { type = types.raw; internal = true; readOnly = true; description = "boot.json, with @toplevel@ for the generation's own path."; };
  };
  config.boot.bootspec.document = {
    "org.nixos.bootspec.v1" = {
      system = config.nixpkgs.hostPlatform.system;
      kernel = "${config.boot.kernelPackages.kernel}/bzImage";
      inherit (config.boot) kernelParams;
      label = "${config.system.nixos.distroName} ${config.system.nixos.codeName} ${config.system.nixos.label} (Linux ${config.boot.kernelPackages.kernel.version})";
      init = "@toplevel@/init";
      toplevel = "@toplevel@";
    } // lib.optionalAttrs config.boot.initrd.enable { initrd = "${config.system.build.initialRamdisk}/initrd"; };
  } // cfg.extensions;
}
