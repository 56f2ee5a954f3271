# The second stage: what runs as process 1 before systemd does. See crates/os, module stage2.
{ config, lib, pkgs, ... }:
{
  options.boot = {
    postBootCommands = lib.mkOption { type = lib.types.lines; default = ""; description = "Shell code run before systemd starts."; };
    readOnlyNixStore = lib.mkOption { type = lib.types.bool; default = true; description = "Whether the store is mounted read-only."; };
    nixStoreMountOpts = lib.mkOption { type = lib.types.listOf lib.types.nonEmptyStr; default = [ "ro" "nodev" "nosuid" ]; description = "Options of the store's mount."; };
    extraSystemdUnitPaths = lib.mkOption { type = lib.types.listOf lib.types.str; default = [ ]; description = "More folders with units."; };
  };
  config.system.build.bootStage2 = pkgs.writeScript "stage-2-init" ''
    #!${pkgs.bash}/bin/bash
    exec -a firn-os ${config.system.firn}/bin/firn-os stage-2 @systemConfig@ "$@"
  '';
}
