# What is done when a configuration becomes the running one: at boot and at a switch.
{ config, lib, pkgs, utils, ... }:
let
  inherit (lib) mkOption types;
  snippets = config.system.activationScripts;
  snippet = types.either types.str (types.submodule {
    options = {
      deps = mkOption { type = types.listOf types.str; default = [ ]; description = "Snippets that run before."; };
      text = mkOption { type = types.lines; description = "Shell code."; };
      supportsDryActivation = mkOption { type = types.bool; default = false; description = "Whether the code knows `$NIXOS_ACTION` = `dry-activate` and then changes nothing."; };
    };
  });
  full = lib.mapAttrs (_: s: if builtins.isString s then { text = s; deps = [ ]; supportsDryActivation = false; } else s) snippets;
  # Names of what crates/os does by itself; other snippets may depend on them.
  own = [ "specialfs" "stdio" "usr" "binsh" "usrbinenv" "var" "nix" "users" "groups" "etc" "hostname" "domain" "wrappers" "modprobe" "udevd" "tmpfs" "specialisation" ];
  usable = lib.filterAttrs (n: s: !(builtins.elem n own) || s.text != "") full;
  withNames = set: lib.mapAttrs (n: s: {
    deps = builtins.filter (d: set ? ${d}) s.deps;
    text = ''
      snippet_failed=0
      _current=${n}
      ${s.text}
      if (( snippet_failed > 0 )); then printf 'Activation script snippet '"'"'%s'"'"' failed (%s)\n' ${lib.escapeShellArg n} "$snippet_failed"; fi
    '';
  }) set;
  script = onlyDry: set: ''
    #!${pkgs.bash}/bin/bash
    systemConfig=@out@
    export PATH=/empty:${lib.makeBinPath [ pkgs.coreutils pkgs.gnugrep pkgs.findutils pkgs.units.passwd pkgs.units.libc-bin pkgs.units.util-linux pkgs.units.hostname ]}:${pkgs.units.passwd}/sbin
    _status=0
    snippet_failed=0
    trap '_status=1; snippet_failed=$?' ERR
    umask 0022
    ${lib.optionalString (!onlyDry) ''
      if [ "''${1:-}" != --snippets ]; then
        ${config.system.firn}/bin/firn-os activate "$systemConfig" || { _status=1; }
      fi
    ''}
    ${lib.textClosureMap lib.id (withNames set) (builtins.attrNames set)}
    ${lib.optionalString (!onlyDry) ''
      # The link that says which configuration runs is set last, in one step, unless this is how it began.
      ln -sfn "$systemConfig" /run/.current-system && mv -T /run/.current-system /run/current-system
    ''}
    exit $_status
  '';
in
{
  options.system = {
    activationScripts = mkOption { type = types.attrsOf snippet; default = { }; description = "Shell code run at activation. It must be quick and may run again at any time."; };
    userActivationScripts = mkOption { type = types.attrsOf snippet; default = { }; description = "The same, for each user's session."; };
    dryActivationScript = mkOption { type = types.lines; internal = true; readOnly = true; default = script true (lib.filterAttrs (_: s: s.supportsDryActivation) usable); description = "What `dry-activate` runs."; };
    activationScript = mkOption { type = types.lines; internal = true; readOnly = true; default = script false usable; description = "What `activate` is."; };
    firn = mkOption { type = types.package; internal = true; default = pkgs.firn; defaultText = "pkgs.firn"; description = "The program that activates."; };
  };
  config = {
    environment.systemPackages = lib.mkIf (config.system.userActivationScripts != { }) [ ];
    systemd.user.services.nixos-activation = lib.mkIf (config.system.userActivationScripts != { }) {
      description = "Run user-specific NixOS activation";
      wantedBy = [ "default.target" ];
      unitConfig.ConditionUser = "!@system";
      script = lib.textClosureMap lib.id (withNames (lib.mapAttrs (_: s: if builtins.isString s then { text = s; deps = [ ]; } else s) config.system.userActivationScripts)) (builtins.attrNames config.system.userActivationScripts);
      serviceConfig.Type = "oneshot";
    };
    # What crates/os reads.
    system.build.activationData = builtins.toJSON {
      version = 1;
      users = config.users.spec;
      inherit (config.security) wrapperList;
      hostName = config.networking.hostName;
      domain = config.networking.domain;
      binsh = config.environment.binsh;
      usrbinenv = config.environment.usrbinenv;
      readOnlyStore = config.boot.readOnlyNixStore;
      storeMountOptions = config.boot.nixStoreMountOpts;
      snippets = usable != { };
      postBoot = if config.boot.postBootCommands == "" then null else "${pkgs.writeShellScript "post-boot-commands" config.boot.postBootCommands}";
      systemd = "${config.systemd.package}/lib/systemd/systemd";
      localTime = config.time.timeZone;
    };
  };
}
