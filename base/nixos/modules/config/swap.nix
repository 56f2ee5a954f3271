# Swap space.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
in
{
  options = {
    swapDevices = mkOption {
      default = [ ];
      description = "Devices and files for swapping.";
      type = types.listOf (types.submodule ({ config, ... }: {
        options = {
          device = mkOption { type = types.nonEmptyStr; description = "The device or file."; };
          label = mkOption { type = types.nullOr types.str; default = null; description = "The device's label."; };
          size = mkOption { type = types.nullOr types.int; default = null; description = "The size of a file in MiB; it is made if it is not there."; };
          priority = mkOption { type = types.nullOr types.int; default = null; description = "Its priority."; };
          randomEncryption.enable = mkOption { type = types.bool; default = false; description = "Whether it is encrypted with a key of the moment."; };
          discardPolicy = mkOption { type = types.nullOr (types.enum [ "once" "pages" "both" ]); default = null; description = "When blocks are discarded."; };
          options = mkOption { type = types.listOf types.nonEmptyStr; default = [ "defaults" ]; description = "Options of swapon."; };
          realDevice = mkOption { type = types.path; internal = true; default = config.device; description = "The device after encryption."; };
        };
        config.device = lib.mkIf (config.label != null) (lib.mkDefault "/dev/disk/by-label/${config.label}");
        config.options = lib.mkMerge [
          (lib.mkIf (config.priority != null) [ "pri=${toString config.priority}" ])
          (lib.mkIf (config.discardPolicy != null) [ "discard${lib.optionalString (config.discardPolicy != "both") "=${config.discardPolicy}"}" ])
        ];
      }));
    };
    zramSwap = {
      enable = mkOption { type = types.bool; default = false; description = "Whether compressed memory is used for swapping."; };
      memoryPercent = mkOption { type = types.int; default = 50; description = "How much of the memory it may hold."; };
      algorithm = mkOption { type = types.str; default = "zstd"; description = "The compression."; };
      priority = mkOption { type = types.int; default = 5; description = "Its priority."; };
    };
  };
  config.systemd.services = lib.mkMerge (map
    (swap: lib.mkIf (swap.size != null) {
      "mkswap-${lib.replaceStrings [ "/" ] [ "-" ] (lib.removePrefix "/" swap.device)}" = {
        description = "Make the swap file ${swap.device}";
        wantedBy = [ "swap.target" ];
        before = [ "swap.target" ];
        unitConfig.DefaultDependencies = false;
        unitConfig.RequiresMountsFor = [ (builtins.dirOf swap.device) ];
        serviceConfig = { Type = "oneshot"; RemainAfterExit = true; };
        script = ''
          if [ ! -e ${swap.device} ]; then
            fallocate -l ${toString swap.size}M ${swap.device}
            chmod 600 ${swap.device}
            /usr/sbin/mkswap ${swap.device}
          fi
        '';
      };
    })
    config.swapDevices);
}
