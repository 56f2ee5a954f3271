# systemd: units of all kinds, its own configuration, and the folder of units that /etc/systemd/system is.
{ config, lib, pkgs, utils, ... }:
let
  inherit (lib) mkOption types;
  sd = utils.systemdUtils;
  cfg = config.systemd;
  mountName = m: "${utils.escapeSystemdPath m.where}";
  ofKind = kind: doc: mkOption { type = types.attrsOf (sd.unitType kind); default = { }; description = doc; };
  listKind = kind: doc: mkOption {
    type = types.listOf (types.submodule (args: let m = sd.unitModule kind (args // { name = "unnamed"; }); in
      m // { options = m.options // { name = mkOption { type = types.str; default = "${utils.escapeSystemdPath args.config.where}.${kind}"; description = "The unit's file name."; }; }; }));
    default = [ ];
    description = doc;
  };

  rendered = env: kind: u: {
    inherit (u) enable aliases wantedBy requiredBy upheldBy overrideStrategy;
    text = sd.textOf env kind u;
  };
  unitsOf = env: set: kind: values: lib.listToAttrs (map (u: lib.nameValuePair u.name (rendered env kind u)) values);
  allUnits = env: s: lib.foldl' (a: b: a // b) { } [
    (unitsOf env s "service" (builtins.attrValues s.services))
    (unitsOf env s "socket" (builtins.attrValues s.sockets))
    (unitsOf env s "timer" (builtins.attrValues s.timers))
    (unitsOf env s "path" (builtins.attrValues s.paths))
    (unitsOf env s "target" (builtins.attrValues s.targets))
    (unitsOf env s "slice" (builtins.attrValues s.slices))
  ];

  unit = types.submodule ({ name, config, ... }: {
    options = {
      text = mkOption { type = types.nullOr types.str; default = null; description = "The unit's text."; };
      enable = mkOption { type = types.bool; default = true; description = "Whether the unit exists; if not, it is masked."; };
      overrideStrategy = mkOption { type = types.enum [ "asDropinIfExists" "asDropin" ]; default = "asDropinIfExists"; description = "Whether the text is a drop-in."; };
      aliases = mkOption { type = types.listOf types.str; default = [ ]; description = "Other names."; };
      wantedBy = mkOption { type = types.listOf types.str; default = [ ]; description = "Units that start it."; };
      requiredBy = mkOption { type = types.listOf types.str; default = [ ]; description = "Units that need it."; };
      upheldBy = mkOption { type = types.listOf types.str; default = [ ]; description = "Units that keep it running."; };
      unit = mkOption { type = types.package; internal = true; default = pkgs.writeTextDir name (toString config.text); description = "The unit as a package."; };
    };
  });

  # One folder with all units: texts, masks, and the links that `wantedBy` and such mean.
  makeUnits = kind: units: packages: utils.quick "${kind}-units"
    (
      let
        files = lib.mapAttrs' (n: u: lib.nameValuePair (if u.overrideStrategy == "asDropin" then "${n}.d/overrides.conf" else n) u) units;
        present = lib.filterAttrs (_: u: u.enable && u.text != null) files;
        links = lib.concatLists (lib.mapAttrsToList
          (n: u: lib.optionals u.enable (
            map (a: lib.nameValuePair a n) u.aliases
            ++ map (w: lib.nameValuePair "${w}.wants/${n}" "../${n}") u.wantedBy
            ++ map (w: lib.nameValuePair "${w}.requires/${n}" "../${n}") u.requiredBy
            ++ map (w: lib.nameValuePair "${w}.upholds/${n}" "../${n}") u.upheldBy
          ))
          units);
      in
      {
        texts = lib.mapAttrs (_: u: u.text) present;
        links = builtins.listToAttrs links // lib.mapAttrs (_: _: "/dev/null") (lib.filterAttrs (_: u: !u.enable) units)
          // lib.optionalAttrs (kind == "system") { "default.target" = cfg.defaultUnit; "ctrl-alt-del.target" = "reboot.target"; };
        packages = map (p: "${p}") packages;
        folder = kind;
      }
    ) ''
    mkdir -p "$out"
    for package in "''${packages[@]}"; do
      for from in "$package/lib/systemd/$folder" "$package/etc/systemd/$folder"; do
        [ ! -d "$from" ] || cp -rsn "$from/." "$out/"
      done
    done
    chmod -R u+w "$out"
    # A packaged unit with settings of ours keeps its text and gets a drop-in.
    for n in "''${!texts[@]}"; do
      if [ -e "$out/$n" ]; then texts[$n.d/overrides.conf]=''${texts[$n]}; unset "texts[$n]"; fi
    done
    writeTexts texts "$out"
    linkFiles links "$out"
  '';
  managerSettings = cfg.settings.Manager;
  userKinds = {
    units = mkOption { type = types.attrsOf unit; default = { }; description = "Units of users, as text."; };
    services = ofKind "service" "Services of users.";
    sockets = ofKind "socket" "Sockets of users.";
    timers = ofKind "timer" "Timers of users.";
    paths = ofKind "path" "Paths that users' units wait for.";
    targets = ofKind "target" "Targets of users.";
    slices = ofKind "slice" "Slices of users.";
    extraConfig = mkOption { type = types.lines; default = ""; description = "More lines of user.conf."; };
  };
  section = mkOption { type = types.attrsOf sd.unitOption; default = { }; description = "Settings of the section."; };
in
{
  options.systemd = {
    package = mkOption { type = types.package; default = pkgs.systemd; defaultText = "pkgs.systemd"; description = "The package of systemd."; };
    packages = mkOption { type = types.listOf types.package; default = [ ]; description = "Packages with units that are taken over."; };
    units = mkOption { type = types.attrsOf unit; default = { }; description = "Units as text."; };
    services = ofKind "service" "Services.";
    sockets = ofKind "socket" "Sockets.";
    timers = ofKind "timer" "Timers.";
    paths = ofKind "path" "Paths that are watched.";
    targets = ofKind "target" "Targets.";
    slices = ofKind "slice" "Slices.";
    mounts = listKind "mount" "File systems, as units.";
    automounts = listKind "automount" "File systems mounted when they are used.";
    generators = mkOption { type = types.attrsOf types.path; default = { }; description = "Generators of units."; };
    shutdown = mkOption { type = types.attrsOf types.path; default = { }; description = "Programs run at shutdown."; };
    defaultUnit = mkOption { type = types.str; default = "multi-user.target"; description = "The unit that is started at boot."; };
    globalEnvironment = mkOption { type = types.attrsOf (types.nullOr (types.oneOf [ types.str types.path types.package ])); default = { }; description = "Variables that all services have."; };
    managerEnvironment = mkOption { type = types.attrsOf (types.nullOr (types.oneOf [ types.str types.path types.package ])); default = { }; description = "Variables of systemd itself."; };
    enableEmergencyMode = mkOption { type = types.bool; default = true; description = "Whether a failed boot ends in a shell."; };
    enableCgroupAccounting = mkOption { type = types.bool; default = true; description = "Whether resources are counted."; };
    ctrlAltDelUnit = mkOption { type = types.str; default = "reboot.target"; description = "The unit that Ctrl-Alt-Del starts."; };
    extraConfig = mkOption { type = types.lines; default = ""; description = "More lines of system.conf."; };
    settings.Manager = section;
    sleep.extraConfig = mkOption { type = types.lines; default = ""; description = "Lines of sleep.conf."; };
    watchdog = {
      device = mkOption { type = types.nullOr types.path; default = null; description = "The watchdog's device."; };
      runtimeTime = mkOption { type = types.nullOr types.str; default = null; description = "After which time of silence the machine is reset."; };
      rebootTime = mkOption { type = types.nullOr types.str; default = null; description = "The same while rebooting."; };
      kexecTime = mkOption { type = types.nullOr types.str; default = null; description = "The same while loading a kernel."; };
    };
    suppressedSystemUnits = mkOption { type = types.listOf types.str; default = [ ]; description = "Packaged units that are masked."; };
    additionalUpstreamSystemUnits = mkOption { type = types.listOf types.str; default = [ ]; description = "Without effect: all units of systemd are there."; };
    coredump.enable = mkOption { type = types.bool; default = false; description = "Without effect: systemd-coredump is not in the base."; };
    oomd.enable = mkOption { type = types.bool; default = false; description = "Without effect: systemd-oomd is not in the base."; };
    user = userKinds;
  };

  config = {
    systemd.units = lib.mkMerge [
      (allUnits cfg.globalEnvironment cfg)
      (lib.listToAttrs (map (m: lib.nameValuePair m.name (rendered { } "mount" m)) cfg.mounts))
      (lib.listToAttrs (map (m: lib.nameValuePair m.name (rendered { } "automount" m)) cfg.automounts))
      (lib.listToAttrs (map (n: lib.nameValuePair n { enable = false; }) cfg.suppressedSystemUnits))
    ];
    systemd.user.units = allUnits { } cfg.user;

    # Services started at given times have a timer.
    systemd.timers = lib.mapAttrs
      (_: s: { description = "When to start ${s.name}"; wantedBy = [ "timers.target" ]; timerConfig.OnCalendar = s.startAt; })
      (lib.filterAttrs (_: s: s.enable && s.startAt != [ ]) cfg.services);

    systemd.settings.Manager = lib.mapAttrs (_: lib.mkDefault) ({
      DefaultEnvironment = lib.concatStringsSep " " (lib.mapAttrsToList (n: v: builtins.toJSON "${n}=${toString v}") ({ PATH = "/run/wrappers/bin:/run/current-system/sw/bin:/run/current-system/sw/sbin"; } // lib.filterAttrs (_: v: v != null) cfg.managerEnvironment));
      DefaultLimitCORE = "infinity";
    } // lib.filterAttrs (_: v: v != null) {
      WatchdogDevice = cfg.watchdog.device;
      RuntimeWatchdogSec = cfg.watchdog.runtimeTime;
      RebootWatchdogSec = cfg.watchdog.rebootTime;
      KExecWatchdogSec = cfg.watchdog.kexecTime;
    });

    system.build.units = makeUnits "system" cfg.units cfg.packages;
    environment.etc = {
      "systemd/system".source = config.system.build.units;
      "systemd/user".source = makeUnits "user" cfg.user.units cfg.packages;
      "systemd/system.conf".text = "[Manager]\n${sd.attrsToSection managerSettings}${cfg.extraConfig}";
      "systemd/user.conf".text = "[Manager]\n${cfg.user.extraConfig}";
      "systemd/sleep.conf".text = "[Sleep]\n${cfg.sleep.extraConfig}";
    } // lib.mapAttrs' (n: p: lib.nameValuePair "systemd/system-generators/${n}" { source = p; }) cfg.generators
    // lib.mapAttrs' (n: p: lib.nameValuePair "systemd/system-shutdown/${n}" { source = p; }) cfg.shutdown;
  };
}
