# The kernel, its parameters and modules.
{ config, lib, pkgs, utils, ... }:
let
  inherit (lib) mkOption mkIf types;
  cfg = config.boot;
  strings = description: mkOption { type = types.listOf types.str; default = [ ]; inherit description; };
  sysctlValue = types.nullOr (types.oneOf [ types.bool types.str types.int ]);
in
{
  options.boot = {
    kernelPackages = mkOption { type = types.raw; default = pkgs.linuxPackages; defaultText = "pkgs.linuxPackages"; description = "The kernel and what belongs to it."; };
    kernelPatches = mkOption { type = types.listOf types.attrs; default = [ ]; description = "Without effect: the kernel is Debian's, not built here."; };
    kernelParams = mkOption { type = types.listOf (types.strMatching ''([^"[:space:]]|"[^"]*")+''); default = [ ]; description = "Words of the kernel's command line."; };
    kernelModules = strings "Modules loaded in the second stage of booting.";
    extraModulePackages = mkOption { type = types.listOf types.package; default = [ ]; description = "Packages with more modules."; };
    extraModprobeConfig = mkOption { type = types.lines; default = ""; description = "Lines of modprobe.d."; };
    blacklistedKernelModules = strings "Modules that are not loaded by themselves.";
    consoleLogLevel = mkOption { type = types.int; default = 4; description = "Which messages of the kernel are shown."; };
    vesa = mkOption { type = types.bool; default = false; description = "Without effect."; };
    crashDump.enable = mkOption { type = types.bool; default = false; description = "Without effect."; };
    isContainer = mkOption { type = types.bool; default = false; internal = true; description = "Whether the machine is a container."; };
    kernel = {
      enable = mkOption { type = types.bool; default = !cfg.isContainer; description = "Whether the machine boots a kernel of its own."; };
      sysctl = mkOption { type = types.attrsOf sysctlValue; default = { }; example = { "net.ipv4.ip_forward" = 1; }; description = "Values of the kernel that are set at boot."; };
    };
    initrd = {
      enable = mkOption { type = types.bool; default = !cfg.isContainer; description = "Whether there is an initial RAM disk."; };
      kernelModules = strings "Modules loaded in the first stage.";
      availableKernelModules = strings "Modules that the first stage has and loads for devices that are there.";
      includeDefaultModules = mkOption { type = types.bool; default = true; description = "Whether common modules are among them."; };
    };
    supportedFilesystems = mkOption { type = types.coercedTo (types.listOf types.str) (l: lib.genAttrs l (_: true)) (types.attrsOf types.bool); default = { }; description = "File systems that the machine can use."; };
    tmp = {
      cleanOnBoot = mkOption { type = types.bool; default = false; description = "Whether /tmp is emptied at boot."; };
      useTmpfs = mkOption { type = types.bool; default = false; description = "Whether /tmp is in memory."; };
      tmpfsSize = mkOption { type = types.oneOf [ types.str types.ints.positive ]; default = "50%"; description = "How much memory /tmp may use."; };
    };
    hardwareScan = mkOption { type = types.bool; default = true; description = "Without effect."; };
    binfmt.emulatedSystems = mkOption { type = types.listOf types.str; default = [ ]; description = "Systems whose programs are run by emulation; not in the base."; };
  };

  config = mkIf cfg.kernel.enable {
    boot.kernelParams = [ "loglevel=${toString cfg.consoleLogLevel}" ] ++ [ "systemd.gpt_auto=0" "net.ifnames=${if config.networking.usePredictableInterfaceNames then "1" else "0"}" ];
    boot.kernelModules = [ "loop" "atkbd" ];
    boot.kernel.sysctl = lib.mapAttrs (_: lib.mkDefault) {
      "kernel.printk" = cfg.consoleLogLevel;
      "net.ipv4.ping_group_range" = "0 2147483647";
      "fs.inotify.max_user_instances" = 524288;
      "fs.inotify.max_user_watches" = 524288;
      "kernel.core_pattern" = "core";
      "vm.max_map_count" = 1048576;
      "kernel.kptr_restrict" = 1;
    };
    system.build.kernel = cfg.kernelPackages.kernel;
    environment.etc = {
      "modules-load.d/nixos.conf".text = lib.concatLines cfg.kernelModules;
      "modprobe.d/nixos.conf".text = lib.concatMapStrings (m: "blacklist ${m}\n") cfg.blacklistedKernelModules + cfg.extraModprobeConfig;
      "sysctl.d/60-nixos.conf".text = lib.concatStrings (lib.mapAttrsToList (n: v: lib.optionalString (v != null) "${n}=${if v == false then "0" else if v == true then "1" else toString v}\n") cfg.kernel.sysctl);
    };
    systemd.services.systemd-sysctl = { overrideStrategy = "asDropin"; enableDefaultPath = false; restartTriggers = [ (builtins.hashString "sha256" config.environment.etc."sysctl.d/60-nixos.conf".text) ]; };
    systemd.services.systemd-modules-load = { overrideStrategy = "asDropin"; enableDefaultPath = false; restartTriggers = [ (toString cfg.kernelModules) ]; serviceConfig.SuccessExitStatus = "0 1"; };
    systemd.tmpfiles.rules = lib.optional cfg.tmp.cleanOnBoot "D! /tmp 1777 root root" ++ [ "q /tmp 1777 root root 10d" ];
  };
}
