# Services about Nix: collecting garbage, upgrading by itself.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption mkIf types;
  gc = config.nix.gc;
  optimise = config.nix.optimise;
  upgrade = config.system.autoUpgrade;
  flag = default: description: mkOption { type = types.bool; inherit default description; };
  text = default: description: mkOption { type = types.str; inherit default description; };
  times = default: description: mkOption { type = types.either types.singleLineStr (types.listOf types.str); inherit default description; apply = lib.toList; };
  rebuild = "${config.system.firn}/bin/nixos-rebuild";
in
{
  options.nix.gc = {
    automatic = flag false "Whether garbage is collected at times.";
    dates = times "03:15" "When.";
    randomizedDelaySec = text "0" "How much later at most.";
    persistent = flag true "Whether missed times are made up for.";
    options = text "" "Options of `nix-collect-garbage`.";
  };
  options.nix.optimise = {
    automatic = flag false "Whether equal files are joined at times.";
    dates = times [ "03:45" ] "When.";
  };
  options.system.autoUpgrade = {
    enable = flag false "Whether the machine upgrades itself.";
    operation = mkOption { type = types.enum [ "switch" "boot" ]; default = "switch"; description = "What is done with the new generation."; };
    flake = mkOption { type = types.nullOr types.str; default = null; description = "The flake with the configuration."; };
    channel = mkOption { type = types.nullOr types.str; default = null; description = "The channel."; };
    upgrade = flag true "Whether the channel is updated first.";
    upgradeAll = flag false "Whether all channels are.";
    flags = mkOption { type = types.listOf types.str; default = [ ]; description = "More arguments of `nixos-rebuild`."; };
    dates = text "04:40" "When.";
    allowReboot = flag false "Whether the machine reboots when kernel or RAM disk changed.";
    rebootWindow = mkOption { type = types.nullOr (types.submodule { options = { lower = text "" "Earliest time."; upper = text "" "Latest time."; }; }); default = null; description = "When a reboot is allowed."; };
    randomizedDelaySec = text "0" "How much later at most.";
    fixedRandomDelay = flag false "Whether the delay stays the same.";
    persistent = flag true "Whether missed times are made up for.";
    runGarbageCollection = flag false "Whether garbage is collected afterwards.";
  };
  config = lib.mkMerge [
    {
      systemd.services.nix-gc = mkIf gc.automatic {
        description = "Nix Garbage Collector";
        script = "exec ${config.nix.package}/bin/nix-collect-garbage ${gc.options}";
        serviceConfig.Type = "oneshot";
        startAt = gc.dates;
      };
      systemd.timers.nix-gc = mkIf gc.automatic { timerConfig = { RandomizedDelaySec = gc.randomizedDelaySec; Persistent = gc.persistent; }; };
      systemd.services.nix-optimise = mkIf optimise.automatic {
        description = "Nix Store Optimiser";
        serviceConfig.ExecStart = "${config.nix.package}/bin/nix-store --optimise";
        startAt = optimise.dates;
      };
    }
    (mkIf upgrade.enable {
      assertions = [ { assertion = upgrade.channel == null || upgrade.flake == null; message = "The options ‘system.autoUpgrade.channel’ and ‘system.autoUpgrade.flake’ cannot both be set."; } ];
      system.autoUpgrade.flags = if upgrade.flake == null then [ "--no-build-output" ] ++ lib.optionals (upgrade.channel != null) [ "-I" "nixpkgs=${upgrade.channel}/nixexprs.tar.xz" ] else [ "--refresh" "--flake ${upgrade.flake}" ];
      systemd.services.nixos-upgrade = {
        description = "NixOS Upgrade";
        restartIfChanged = false;
        unitConfig.X-StopOnRemoval = false;
        serviceConfig.Type = "oneshot";
        path = [ pkgs.coreutils pkgs.gnutar pkgs.xz pkgs.gzip pkgs.git pkgs.openssh config.nix.package ];
        environment = { HOME = "/root"; NIX_PATH = lib.concatStringsSep ":" config.nix.nixPath; };
        script =
          if !upgrade.allowReboot then "${rebuild} ${upgrade.operation} ${toString upgrade.flags}"
          else ''
            ${rebuild} boot ${toString upgrade.flags}
            booted="$(readlink /run/booted-system/{initrd,kernel,kernel-modules})"
            built="$(readlink /nix/var/nix/profiles/system/{initrd,kernel,kernel-modules})"
            ${lib.optionalString (upgrade.rebootWindow != null) ''
              now=$(date +%H:%M) may=
              if [[ ${upgrade.rebootWindow.lower} < ${upgrade.rebootWindow.upper} ]]; then
                [[ ! $now < ${upgrade.rebootWindow.lower} && ! $now > ${upgrade.rebootWindow.upper} ]] && may=1
              else
                [[ ! $now < ${upgrade.rebootWindow.lower} || ! $now > ${upgrade.rebootWindow.upper} ]] && may=1
              fi
            ''}
            if [ "$booted" = "$built" ]; then
              ${rebuild} ${upgrade.operation} ${toString upgrade.flags}
            ${lib.optionalString (upgrade.rebootWindow != null) ''elif [ -z "$may" ]; then echo "outside of the window for reboots, skipping"''}
            else
              shutdown -r +1
            fi
          '';
        startAt = upgrade.dates;
        after = [ "network-online.target" ];
        wants = [ "network-online.target" ];
      };
      systemd.timers.nixos-upgrade.timerConfig = { RandomizedDelaySec = upgrade.randomizedDelaySec; FixedRandomDelay = upgrade.fixedRandomDelay; Persistent = upgrade.persistent; };
    })
  ];
}
