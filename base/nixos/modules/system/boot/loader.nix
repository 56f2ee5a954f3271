# Boot loaders: how generations get into the machine's boot menu.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.boot.loader;
  flag = default: description: mkOption { type = types.bool; inherit default description; };
  number = default: description: mkOption { type = types.nullOr types.int; inherit default description; };
  lines = description: mkOption { type = types.lines; default = ""; inherit description; };
  spec = pkgs.writeText "boot-loader.json" (builtins.toJSON {
    kind = if cfg.systemd-boot.enable then "systemd-boot" else if cfg.generic-extlinux-compatible.enable then "extlinux" else "none";
    boot = if cfg.systemd-boot.enable && cfg.systemd-boot.xbootldrMountPoint != null then cfg.systemd-boot.xbootldrMountPoint else cfg.efi.efiSysMountPoint;
    esp = cfg.efi.efiSysMountPoint;
    timeout = cfg.timeout;
    limit = if cfg.systemd-boot.enable then cfg.systemd-boot.configurationLimit else cfg.generic-extlinux-compatible.configurationLimit;
    consoleMode = cfg.systemd-boot.consoleMode;
    editor = cfg.systemd-boot.editor;
    extraEntries = cfg.systemd-boot.extraEntries;
    loader = if cfg.systemd-boot.enable then "${pkgs.units.systemd-boot-efi or pkgs.units.systemd-boot}/lib/systemd/boot/efi/systemd-bootx64.efi" else null;
    distroName = config.system.nixos.distroName;
  });
in
{
  options.boot.loader = {
    timeout = number 5 "How long the menu waits, in seconds; null waits for ever.";
    efi.canTouchEfiVariables = flag false "Whether the firmware's list of loaders may be changed.";
    efi.efiSysMountPoint = mkOption { type = types.str; default = "/boot"; description = "Where the EFI partition is mounted."; };
    systemd-boot = {
      enable = flag false "Whether systemd-boot is the loader.";
      configurationLimit = number null "How many generations are in the menu.";
      consoleMode = mkOption { type = types.str; default = "keep"; description = "The console's resolution."; };
      editor = flag true "Whether the command line may be edited in the menu.";
      graceful = flag false "Whether failures of the firmware are ignored.";
      extraEntries = mkOption { type = types.attrsOf types.lines; default = { }; description = "More entries, by file name."; };
      xbootldrMountPoint = mkOption { type = types.nullOr types.str; default = null; description = "A partition for kernels beside the EFI partition."; };
    };
    generic-extlinux-compatible = {
      enable = flag false "Whether an extlinux.conf is written.";
      configurationLimit = number 20 "How many generations are in the menu.";
      useGenerationDeviceTree = flag true "Without effect.";
    };
    grub = {
      enable = flag false "Whether GRUB is the loader.";
      device = mkOption { type = types.str; default = ""; description = "The disk that GRUB is installed on."; };
      devices = mkOption { type = types.listOf types.str; default = [ ]; description = "The disks that GRUB is installed on."; };
      efiSupport = flag false "Whether GRUB is an EFI program.";
      efiInstallAsRemovable = flag false "Whether it is put where the firmware looks by itself.";
      configurationLimit = number 100 "How many generations are in the menu.";
      extraEntries = lines "More entries.";
      extraConfig = lines "More lines of its configuration.";
      useOSProber = flag false "Without effect.";
      version = number 2 "Without effect.";
    };
    external = {
      enable = flag false "Whether a program of one's own installs the loader.";
      installHook = mkOption { type = types.path; description = "The program; it gets the path of the generation."; };
    };
    initScript.enable = flag false "Whether /sbin/init is linked to the generation.";
    supportsInitrdSecrets = mkOption { type = types.bool; internal = true; default = false; description = "Whether secrets can be appended to the RAM disk."; };
  };

  config = {
    assertions = [
      { assertion = !cfg.grub.enable; message = "boot.loader.grub: the embedded base installs systemd-boot, extlinux.conf or a program of yours (boot.loader.external), not GRUB."; }
    ];
    system.build.installBootLoader =
      if cfg.external.enable then cfg.external.installHook
      else if cfg.systemd-boot.enable || cfg.generic-extlinux-compatible.enable then
        pkgs.writeScript "install-boot-loader" ''
          #!${pkgs.bash}/bin/bash
          exec -a firn-os ${config.system.firn}/bin/firn-os boot-loader ${spec} "$@"
        ''
      else if cfg.initScript.enable then
        pkgs.writeShellScript "install-init-script" ''
          mkdir -p /sbin
          ln -sfn "$1/init" /sbin/init.new
          mv -T /sbin/init.new /sbin/init
        ''
      else null;
  };
}
