# sudo, and other matters of security: certificates, hardening.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption mkIf types;
  cfg = config.security.sudo;
  flag = default: description: mkOption { type = types.bool; inherit default description; };
  subject = types.either types.str types.int;
  command = types.either types.str (types.submodule {
    options = {
      command = mkOption { type = types.str; description = "The command, or ALL."; };
      options = mkOption { type = types.listOf types.str; default = [ ]; description = "Tags: NOPASSWD, SETENV …"; };
    };
  });
  toCommand = c: if builtins.isString c then c else lib.concatMapStrings (o: "${o}: ") c.options + c.command;
  who = rule: map toString rule.users ++ map (u: if builtins.isInt u then "#${toString u}" else u) [ ] ++ map (g: if builtins.isInt g then "%#${toString g}" else "%${g}") rule.groups;
  line = rule: lib.optionalString (rule.commands != [ ] && who rule != [ ]) "${lib.concatStringsSep ", " (who rule)}\t${rule.host}=(${rule.runAs})\t${lib.concatMapStringsSep ", " toCommand rule.commands}\n";
  bundle = pkgs.runCommandLocal "ca-certificates.crt" { } ''
    cat ${pkgs.units.ca-certificates}/share/ca-certificates/mozilla/*.crt ${lib.concatMapStringsSep " " toString config.security.pki.certificateFiles} >$out
    ${lib.concatMapStrings (c: "cat >>$out <<'END'\n${c}\nEND\n") config.security.pki.certificates}
  '';
in
{
  options.security = {
    sudo = {
      enable = flag true "Whether sudo is there.";
      package = mkOption { type = types.package; default = pkgs.sudo; defaultText = "pkgs.sudo"; description = "The package of sudo."; };
      wheelNeedsPassword = flag true "Whether the group wheel must give a password.";
      execWheelOnly = flag false "Whether only the group wheel may run sudo.";
      keepTerminfo = flag true "Whether the terminal's description is kept.";
      defaultOptions = mkOption { type = types.listOf types.str; default = [ "SETENV" ]; description = "Tags of the rules for root and wheel."; };
      extraConfig = mkOption { type = types.lines; default = ""; description = "More lines of sudoers."; };
      configFile = mkOption { type = types.lines; description = "The contents of sudoers."; };
      extraRules = mkOption {
        default = [ ];
        description = "Rules, in order; the last that fits counts.";
        type = types.listOf (types.submodule {
          options = {
            users = mkOption { type = types.listOf subject; default = [ ]; description = "Users."; };
            groups = mkOption { type = types.listOf subject; default = [ ]; description = "Groups."; };
            host = mkOption { type = types.str; default = "ALL"; description = "Machines."; };
            runAs = mkOption { type = types.str; default = "ALL:ALL"; description = "Whom they may run commands as."; };
            commands = mkOption { type = types.listOf command; description = "The commands."; };
          };
        });
      };
    };
    pki = {
      certificates = mkOption { type = types.listOf types.str; default = [ ]; description = "Certificates that are trusted, as text."; };
      certificateFiles = mkOption { type = types.listOf types.path; default = [ ]; description = "Files with certificates that are trusted."; };
      installCACerts = flag true "Whether /etc/ssl/certs is made.";
    };
    protectKernelImage = flag false "Whether the running kernel cannot be replaced.";
    lockKernelModules = flag false "Without effect.";
    apparmor.enable = flag false "Without effect: AppArmor is not in the base.";
    auditd.enable = flag false "Without effect.";
    allowSimultaneousMultithreading = flag true "Without effect.";
  };
  config = lib.mkMerge [
    (mkIf cfg.enable {
      security.sudo.extraRules =
        let options = cfg.defaultOptions; in
        lib.mkBefore [
          { users = [ "root" ]; commands = [ { command = "ALL"; inherit options; } ]; }
          { groups = [ "wheel" ]; commands = [ { command = "ALL"; options = options ++ lib.optional (!cfg.wheelNeedsPassword) "NOPASSWD"; } ]; }
        ];
      security.sudo.configFile = lib.mkDefault ''
        # Made from the options ‘security.sudo.*’.
        Defaults env_keep+=SSH_AUTH_SOCK
        Defaults secure_path="/run/wrappers/bin:/run/current-system/sw/bin:/run/current-system/sw/sbin"
        ${lib.optionalString cfg.keepTerminfo "Defaults:root,%wheel env_keep+=TERMINFO_DIRS\nDefaults:root,%wheel env_keep+=TERMINFO"}
        ${lib.concatMapStrings line cfg.extraRules}
        ${cfg.extraConfig}
      '';
      environment.etc.sudoers = { text = cfg.configFile; mode = "0440"; };
      environment.systemPackages = [ cfg.package ];
      security.wrappers.sudo = { source = "${cfg.package}/bin/sudo"; owner = "root"; group = if cfg.execWheelOnly then "wheel" else "root"; setuid = true; permissions = if cfg.execWheelOnly then "u+rx,g+x" else "u+rx,g+x,o+x"; };
      security.pam.services.sudo = { };
    })
    (mkIf config.security.pki.installCACerts {
      environment.etc."ssl/certs/ca-certificates.crt".source = bundle;
      environment.etc."ssl/certs/ca-bundle.crt".source = bundle;
      environment.etc."pki/tls/certs/ca-bundle.crt".source = bundle;
      environment.sessionVariables.SSL_CERT_FILE = lib.mkDefault "/etc/ssl/certs/ca-certificates.crt";
      environment.sessionVariables.NIX_SSL_CERT_FILE = lib.mkDefault "/etc/ssl/certs/ca-certificates.crt";
    })
    (mkIf config.security.protectKernelImage { boot.kernelParams = [ "nohibernate" ]; boot.kernel.sysctl."kernel.kexec_load_disabled" = true; })
  ];
}
