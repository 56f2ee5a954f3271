# What systemd brings: journal, logins, clock, resolver; and which of its units a machine does without.
{ config, lib, pkgs, utils, ... }:
let
  inherit (lib) mkOption mkIf types;
  sd = utils.systemdUtils;
  cfg = config.services;
  flag = default: description: mkOption { type = types.bool; inherit default description; };
  lines = description: mkOption { type = types.lines; default = ""; inherit description; };
  section = mkOption { type = types.attrsOf sd.unitOption; default = { }; description = "Settings of the section."; };
in
{
  options = {
    services = {
      journald = {
        console = mkOption { type = types.str; default = ""; description = "A terminal that shows the journal."; };
        rateLimitInterval = mkOption { type = types.str; default = "30s"; description = "The interval of the limit."; };
        rateLimitBurst = mkOption { type = types.int; default = 10000; description = "How many lines a service may write in the interval."; };
        storage = mkOption { type = types.enum [ "persistent" "volatile" "auto" "none" ]; default = "persistent"; description = "Where the journal is kept."; };
        extraConfig = lines "More lines of journald.conf.";
        forwardToSyslog = flag false "Whether lines are passed on to syslog.";
        audit = mkOption { type = types.nullOr types.bool; default = null; description = "Whether the kernel's audit is taken up."; };
      };
      logind = {
        lidSwitch = mkOption { type = types.str; default = "suspend"; description = "What closing the lid does."; };
        powerKey = mkOption { type = types.str; default = "poweroff"; description = "What the power key does."; };
        killUserProcesses = flag false "Whether the processes of a user end with the session.";
        extraConfig = lines "More lines of logind.conf.";
        settings.Login = section;
      };
      timesyncd = {
        enable = flag (!config.boot.isContainer) "Whether the clock is set by the network.";
        servers = mkOption { type = types.nullOr (types.listOf types.str); default = config.networking.timeServers; defaultText = "networking.timeServers"; description = "The servers."; };
        extraConfig = lines "More lines of timesyncd.conf.";
      };
      resolved = {
        enable = flag (config.networking.nameservers == [ ]) "Whether systemd-resolved looks names up.";
        domains = mkOption { type = types.listOf types.str; default = config.networking.search; defaultText = "networking.search"; description = "Domains that short names are looked up in."; };
        dnssec = mkOption { type = types.enum [ "true" "allow-downgrade" "false" ]; default = "false"; description = "Whether answers must be signed."; };
        dnsovertls = mkOption { type = types.enum [ "true" "opportunistic" "false" ]; default = "false"; description = "Whether questions are encrypted."; };
        llmnr = mkOption { type = types.enum [ "true" "resolve" "false" ]; default = "true"; description = "Whether neighbours are asked."; };
        fallbackDns = mkOption { type = types.nullOr (types.listOf types.str); default = null; description = "Servers of last resort."; };
        extraConfig = lines "More lines of resolved.conf.";
      };
      dbus = {
        enable = flag true "Whether there is a message bus; a machine cannot do without.";
        packages = mkOption { type = types.listOf types.path; default = [ ]; description = "Packages with services of the bus."; };
        implementation = mkOption { type = types.enum [ "dbus" "broker" ]; default = "dbus"; description = "Which program is the bus."; };
      };
      udev = {
        enable = flag true "Whether devices are managed.";
        packages = mkOption { type = types.listOf types.path; default = [ ]; description = "Packages with rules."; };
        path = mkOption { type = types.listOf types.path; default = [ ]; description = "Packages whose programs rules find."; };
        extraRules = lines "Rules.";
        extraHwdb = lines "Entries of the hardware database.";
      };
      nscd.enable = flag false "Without effect: names are looked up in each program.";
      userborn.enable = flag false "Without effect: users are made at activation.";
      fstrim.enable = flag false "Whether unused blocks are discarded weekly.";
    };
    security.polkit.enable = flag false "Without effect: polkit is not in the base.";
    security.rtkit.enable = flag false "Without effect.";
    hardware = {
      enableAllFirmware = flag false "Without effect: firmware is not in the base.";
      enableRedistributableFirmware = flag false "Without effect: firmware is not in the base.";
      firmware = mkOption { type = types.listOf types.package; default = [ ]; description = "Packages with firmware."; };
      cpu.intel.updateMicrocode = flag false "Without effect.";
      cpu.amd.updateMicrocode = flag false "Without effect.";
    };
  };

  config = {
    environment.systemPackages = lib.mkMerge [
      (mkIf cfg.resolved.enable [ pkgs.units.systemd-resolved pkgs.units.libnss-resolve ])
      (mkIf cfg.timesyncd.enable [ pkgs.units.systemd-timesyncd ])
      cfg.dbus.packages
    ];
    environment.etc = {
      "systemd/journald.conf".text = ''
        [Journal]
        Storage=${cfg.journald.storage}
        RateLimitInterval=${cfg.journald.rateLimitInterval}
        RateLimitBurst=${toString cfg.journald.rateLimitBurst}
        Audit=no
        ${lib.optionalString (cfg.journald.console != "") "ForwardToConsole=yes\nTTYPath=${cfg.journald.console}"}
        ${lib.optionalString cfg.journald.forwardToSyslog "ForwardToSyslog=yes"}
        ${cfg.journald.extraConfig}
      '';
      "systemd/logind.conf".text = ''
        [Login]
        KillUserProcesses=${lib.boolToString cfg.logind.killUserProcesses}
        HandleLidSwitch=${cfg.logind.lidSwitch}
        HandlePowerKey=${cfg.logind.powerKey}
        ${sd.attrsToSection cfg.logind.settings.Login}${cfg.logind.extraConfig}
      '';
      "systemd/timesyncd.conf" = mkIf cfg.timesyncd.enable { text = "[Time]\n" + lib.optionalString (cfg.timesyncd.servers != null) "NTP=${toString cfg.timesyncd.servers}\n" + cfg.timesyncd.extraConfig; };
      "systemd/resolved.conf" = mkIf cfg.resolved.enable {
        text = ''
          [Resolve]
          ${lib.optionalString (config.networking.nameservers != [ ]) "DNS=${toString config.networking.nameservers}"}
          ${lib.optionalString (cfg.resolved.fallbackDns != null) "FallbackDNS=${toString cfg.resolved.fallbackDns}"}
          ${lib.optionalString (cfg.resolved.domains != [ ]) "Domains=${toString cfg.resolved.domains}"}
          LLMNR=${cfg.resolved.llmnr}
          DNSSEC=${cfg.resolved.dnssec}
          DNSOverTLS=${cfg.resolved.dnsovertls}
          ${cfg.resolved.extraConfig}
        '';
      };
      "resolv.conf" = mkIf cfg.resolved.enable { source = "/run/systemd/resolve/stub-resolv.conf"; mode = "direct-symlink"; };
      "udev/rules.d/99-local.rules".text = cfg.udev.extraRules;
      "udev/udev.conf".text = "";
    };

    # What a machine whose /usr, /etc and /nix/store are made elsewhere has no use for.
    systemd.suppressedSystemUnits = [
      "systemd-firstboot.service" "systemd-sysusers.service" "systemd-update-done.service" "systemd-hwdb-update.service" "ldconfig.service"
      "systemd-journal-catalog-update.service" "systemd-pcrmachine.service" "systemd-pcrphase.service" "systemd-pcrphase-sysinit.service"
      "systemd-tpm2-setup.service" "systemd-tpm2-setup-early.service" "systemd-pcrextend.socket" "systemd-pcrlock.socket" "systemd-sysext.socket"
      "systemd-creds.socket" "systemd-initctl.socket" "systemd-hibernate-clear.service" "e2scrub_reap.service" "getty-static.service"
      "systemd-binfmt.service" "proc-sys-fs-binfmt_misc.automount" "run-lock.mount" "rc-local.service" "systemd-ask-password-wall.path" "systemd-ask-password-console.path"
      "systemd-network-generator.service"
      "sys-kernel-debug.mount" "sys-kernel-tracing.mount" "sys-kernel-config.mount" "dev-hugepages.mount" "systemd-boot-random-seed.service" "procps.service" "kmod.service"
    ] ++ lib.optional (config.environment.etc ? "machine-id") "systemd-machine-id-commit.service"
    ++ lib.optional (!config.boot.tmp.useTmpfs) "tmp.mount";

    # Units that Debian enables by its maintainer scripts and not by links in the package.
    systemd.units = {
      "dbus.service" = { overrideStrategy = "asDropin"; text = "[Service]\nX-RestartIfChanged=false\n"; };
    };
    systemd.services.systemd-timesyncd = mkIf cfg.timesyncd.enable { overrideStrategy = "asDropin"; wantedBy = [ "sysinit.target" ]; aliases = [ "dbus-org.freedesktop.timesync1.service" ]; enableDefaultPath = false; };
    systemd.services.systemd-resolved = mkIf cfg.resolved.enable { overrideStrategy = "asDropin"; wantedBy = [ "sysinit.target" ]; aliases = [ "dbus-org.freedesktop.resolve1.service" ]; enableDefaultPath = false; };
    systemd.services.fstrim = mkIf cfg.fstrim.enable { overrideStrategy = "asDropin"; enableDefaultPath = false; };
    systemd.timers.fstrim = mkIf cfg.fstrim.enable { overrideStrategy = "asDropin"; wantedBy = [ "timers.target" ]; };

    # Starting again what depends on files of /etc when a new configuration is activated.
    systemd.targets.sysinit-reactivation = {
      description = "Reactivate sysinit units";
      unitConfig.X-OnlyManualStart = true;
    };
    systemd.services.systemd-tmpfiles-resetup = {
      description = "Apply the rules for volatile files again";
      requiredBy = [ "sysinit-reactivation.target" ];
      after = [ "local-fs.target" ];
      before = [ "sysinit-reactivation.target" "shutdown.target" ];
      conflicts = [ "shutdown.target" ];
      unitConfig.DefaultDependencies = false;
      restartTriggers = [ config.environment.etc."tmpfiles.d".source ];
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = "/usr/bin/systemd-tmpfiles --create --remove --exclude-prefix=/dev";
        SuccessExitStatus = "DATAERR CANTCREAT";
      };
    };
  };
}
