# The machine as one store path: what a generation is.
{ config, lib, pkgs, utils, ... }:
let
  inherit (lib) mkOption types;
  failed = map (a: a.message) (builtins.filter (a: !a.assertion) config.assertions);
  checked = value:
    if failed != [ ] then throw "\nFailed assertions:\n${lib.concatMapStringsSep "\n" (m: "- ${m}") failed}"
    else lib.showWarnings config.warnings value;
  build = config.system.build;
  kernel = config.boot.kernelPackages.kernel;
  toplevel = utils.quick "nixos-system-${config.system.name}-${config.system.nixos.label}"
    {
      texts = {
        activate = config.system.activationScript;
        dry-activate = config.system.dryActivationScript;
        "activation.json" = build.activationData;
        nixos-version = config.system.nixos.label;
        configuration-name = config.boot.loader.configurationName;
        system = config.nixpkgs.hostPlatform.system;
        init-interface-version = "systemd 2\n";
        extra-dependencies = toString config.system.extraDependencies;
        "configuration-revision" = toString config.system.configurationRevision;
      } // lib.optionalAttrs config.boot.kernel.enable {
        kernel-params = toString config.boot.kernelParams;
        "boot.json" = builtins.toJSON config.boot.bootspec.document;
      };
      links = {
        etc = "${build.etc}/etc";
        sw = config.system.path;
        systemd = config.systemd.package;
      } // lib.optionalAttrs config.boot.kernel.enable {
        kernel = "${kernel}/bzImage";
        kernel-modules = kernel.modules;
      } // lib.optionalAttrs config.boot.initrd.enable { initrd = "${build.initialRamdisk}/initrd"; }
      // lib.mapAttrs' (n: lib.nameValuePair "specialisation/${n}") build.specialisations;
      stage2 = build.bootStage2;
      etcSpecial = "${build.etc}/special";
      switch = config.system.switch.enable;
      firn = "${config.system.firn}";
      installBootLoader = if build.installBootLoader == null then "" else "${build.installBootLoader}";
      preSwitchCheck = config.system.preSwitchChecksScript;
      inherit (config.system.nixos) distroId;
      shell = "${pkgs.bash}/bin/bash";
      extra = config.system.systemBuilderCommands + config.system.extraSystemBuilderCmds;
      checks = map (c: "${c}") config.system.checks;
      forbidden = config.system.forbiddenDependenciesRegexes;
    } ''
    mkdir -p "$out/bin" "$out/specialisation"
    for n in "''${!texts[@]}"; do
      text=''${texts[$n]//@out@/$out}
      printf '%s' "''${text//@toplevel@/$out}" >"$out/$n"
    done
    chmod +x "$out/activate" "$out/dry-activate"
    linkFiles links "$out"
    ln -s "$etcSpecial" "$out/etc-special"
    init=$(<"$stage2")
    printf '%s\n' "''${init//@systemConfig@/$out}" >"$out/init"
    chmod +x "$out/init"
    cp "$out/init" "$out/prepare-root"
    if [ -n "$switch" ]; then
      printf '#!%s\nexport OUT=%s TOPLEVEL=%s DISTRO_ID=%s INSTALL_BOOTLOADER=%s PRE_SWITCH_CHECK=%s\nexec -a switch-to-configuration %s/bin/switch-to-configuration "$@"\n' \
        "$shell" "$out" "$out" "$distroId" "$installBootLoader" "$preSwitchCheck" "$firn" >"$out/bin/switch-to-configuration"
      chmod +x "$out/bin/switch-to-configuration"
    fi
    eval "$extra"
  '';
in
{
  options.system = {
    build = mkOption { type = types.lazyAttrsOf types.unspecified; internal = true; default = { }; description = "Derivations and values that other tools use."; };
    name = mkOption { type = types.str; default = if config.networking.hostName == "" then "unnamed" else config.networking.hostName; defaultText = "the host name"; description = "The name in the store path."; };
    checks = mkOption { type = types.listOf types.package; default = [ ]; description = "Derivations that must be built before the machine is."; };
    extraDependencies = mkOption { type = types.listOf types.pathInStore; default = [ ]; description = "Store paths that the generation keeps."; };
    systemBuilderCommands = mkOption { type = types.lines; internal = true; default = ""; description = "More shell code of the builder."; };
    extraSystemBuilderCmds = mkOption { type = types.lines; internal = true; default = ""; description = "Older name of `systemBuilderCommands`."; };
    forbiddenDependenciesRegexes = mkOption { type = types.listOf types.str; default = [ ]; description = "Store paths that the closure must not have."; };
    copySystemConfiguration = mkOption { type = types.bool; default = false; description = "Without effect."; };
    includeBuildDependencies = mkOption { type = types.bool; default = false; description = "Without effect."; };
    switch.enable = mkOption { type = types.bool; default = true; description = "Whether the generation can be switched to."; };
    switch.inhibitors = mkOption { type = types.attrsOf types.str; default = { }; description = "Values whose change needs a reboot."; };
    preSwitchChecks = mkOption { type = types.attrsOf types.str; default = { }; description = "Shell code that may forbid a switch; `$1` is the new generation, `$2` the action."; };
    preSwitchChecksScript = mkOption { type = types.str; internal = true; description = "These as one program."; };
    stateVersionChecked = mkOption { type = types.bool; internal = true; default = true; description = "Whether an unset state version is warned of."; };
  };
  options.boot.loader.configurationName = mkOption { type = types.str; default = ""; description = "The name in the boot menu."; };

  config.system.preSwitchChecksScript =
    if config.system.preSwitchChecks == { } then ""
    else "${pkgs.writeShellScript "pre-switch-checks" (lib.concatStrings (lib.mapAttrsToList (n: text: ''
      ( ${text}
      ) || { echo "Pre-switch check '${n}' failed" >&2; exit 1; }
    '') config.system.preSwitchChecks))}";
  config.system.build.toplevel = checked (builtins.seq (if config.system.stateVersionChecked then config.system.stateVersion else "") (toplevel // {
    inherit (config.system) name;
    meta = { description = "The machine ${config.system.name}"; mainProgram = "switch-to-configuration"; };
  }));
}
