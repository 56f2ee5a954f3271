# OpenSSH's server.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption mkIf types;
  cfg = config.services.openssh;
  flag = default: description: mkOption { type = types.bool; inherit default description; };
  show = v: if v == true then "yes" else if v == false then "no" else if builtins.isList v then lib.concatStringsSep "," (map toString v) else toString v;
  spaced = [ "AllowUsers" "DenyUsers" "AllowGroups" "DenyGroups" "AuthorizedKeysFile" ];
  line = n: v: lib.optionalString (v != null) "${n} ${if builtins.elem n spaced && builtins.isList v then lib.concatStringsSep " " v else show v}\n";
  value = types.nullOr (types.oneOf [ types.bool types.int types.str (types.listOf types.str) ]);
  sshd = "${cfg.package}/sbin/sshd";
  withKeys = lib.filter (u: u.openssh.authorizedKeys.keys != [ ] || u.openssh.authorizedKeys.keyFiles != [ ]) (builtins.attrValues config.users.users);
in
{
  imports = [
    (lib.mkRenamedOptionModule [ "services" "openssh" "permitRootLogin" ] [ "services" "openssh" "settings" "PermitRootLogin" ])
    (lib.mkRenamedOptionModule [ "services" "openssh" "passwordAuthentication" ] [ "services" "openssh" "settings" "PasswordAuthentication" ])
  ];
  options.services.openssh = {
    enable = flag false "Whether the OpenSSH secure shell daemon runs, which allows secure remote logins.";
    package = mkOption { type = types.package; default = pkgs.openssh-server; defaultText = "pkgs.openssh-server"; description = "The package with sshd."; };
    startWhenNeeded = flag false "Whether it is started by a connection.";
    allowSFTP = flag true "Whether files may be transferred.";
    sftpServerExecutable = mkOption { type = types.str; default = "internal-sftp"; description = "The program that transfers files."; };
    sftpFlags = mkOption { type = types.listOf types.str; default = [ ]; description = "Its arguments."; };
    ports = mkOption { type = types.listOf types.port; default = [ 22 ]; description = "Ports that are listened on."; };
    openFirewall = flag true "Whether these ports are open.";
    listenAddresses = mkOption { type = types.listOf (types.submodule { options = { addr = mkOption { type = types.nullOr types.str; default = null; description = "The address."; }; port = mkOption { type = types.nullOr types.int; default = null; description = "The port."; }; }; }); default = [ ]; description = "Addresses that are listened on."; };
    hostKeys = mkOption {
      type = types.listOf types.attrs;
      default = [ { type = "rsa"; bits = 4096; path = "/etc/ssh/ssh_host_rsa_key"; } { type = "ed25519"; path = "/etc/ssh/ssh_host_ed25519_key"; } ];
      description = "The machine's keys; they are made if they are not there.";
    };
    generateHostKeys = flag true "Whether missing keys are made.";
    banner = mkOption { type = types.nullOr types.lines; default = null; description = "What is shown before a login."; };
    authorizedKeysFiles = mkOption { type = types.listOf types.str; default = [ ]; description = "Files with keys that may log in."; };
    authorizedKeysInHomedir = flag true "Whether ~/.ssh/authorized_keys counts.";
    authorizedKeysCommand = mkOption { type = types.str; default = "none"; description = "A program that gives keys."; };
    authorizedKeysCommandUser = mkOption { type = types.str; default = "nobody"; description = "Who runs it."; };
    extraConfig = mkOption { type = types.lines; default = ""; description = "More lines of sshd_config."; };
    knownHosts = mkOption { type = types.attrsOf types.anything; default = { }; description = "Older name of programs.ssh.knownHosts."; };
    settings = mkOption {
      default = { };
      description = "Settings of sshd.";
      type = types.submodule {
        freeformType = types.attrsOf value;
        options = {
          PermitRootLogin = mkOption { type = types.nullOr (types.enum [ "yes" "without-password" "prohibit-password" "forced-commands-only" "no" ]); default = "prohibit-password"; description = "Whether root may log in."; };
          PasswordAuthentication = mkOption { type = types.nullOr types.bool; default = true; description = "Whether passwords count."; };
          KbdInteractiveAuthentication = mkOption { type = types.nullOr types.bool; default = true; description = "Whether other questions are asked."; };
          UsePAM = mkOption { type = types.nullOr types.bool; default = true; description = "Whether PAM is asked."; };
          X11Forwarding = mkOption { type = types.nullOr types.bool; default = false; description = "Whether windows are forwarded."; };
          UseDns = mkOption { type = types.nullOr types.bool; default = false; description = "Whether names of clients are looked up."; };
          StrictModes = mkOption { type = types.nullOr types.bool; default = true; description = "Whether modes of files are checked."; };
          LogLevel = mkOption { type = types.nullOr types.str; default = "INFO"; description = "How much is logged."; };
          PrintMotd = mkOption { type = types.nullOr types.bool; default = false; description = "Whether sshd shows the message of the day."; };
        };
      };
    };
  };
  config = mkIf cfg.enable {
    users.users.sshd = { isSystemUser = true; group = "sshd"; description = "SSH privilege separation user"; };
    users.groups.sshd = { };
    services.openssh.authorizedKeysFiles = lib.optional cfg.authorizedKeysInHomedir "%h/.ssh/authorized_keys" ++ [ "/etc/ssh/authorized_keys.d/%u" ];
    security.pam.services.sshd = { startSession = true; showMotd = true; unixAuth = cfg.settings.PasswordAuthentication == true; };
    networking.firewall.allowedTCPPorts = mkIf cfg.openFirewall cfg.ports;
    environment.systemPackages = [ pkgs.openssh ];
    environment.etc = {
      "ssh/sshd_config".text = ''
        AddressFamily ${if config.networking.enableIPv6 then "any" else "inet"}
        ${lib.concatMapStrings (p: "Port ${toString p}\n") cfg.ports}
        ${lib.concatMapStrings (a: "ListenAddress ${toString a.addr}${lib.optionalString (a.port != null) ":${toString a.port}"}\n") cfg.listenAddresses}
        ${lib.optionalString cfg.allowSFTP "Subsystem sftp ${cfg.sftpServerExecutable} ${toString cfg.sftpFlags}"}
        AuthorizedKeysFile ${toString cfg.authorizedKeysFiles}
        ${lib.optionalString (cfg.authorizedKeysCommand != "none") "AuthorizedKeysCommand ${cfg.authorizedKeysCommand}\nAuthorizedKeysCommandUser ${cfg.authorizedKeysCommandUser}"}
        ${lib.concatMapStrings (k: "HostKey ${k.path}\n") cfg.hostKeys}
        ${lib.optionalString (cfg.banner != null) "Banner ${pkgs.writeText "ssh_banner" cfg.banner}"}
        ${lib.concatStrings (lib.mapAttrsToList line cfg.settings)}
        ${cfg.extraConfig}
      '';
      "ssh/moduli".source = "${pkgs.openssh}/etc/ssh/moduli";
    } // lib.listToAttrs (map (u: lib.nameValuePair "ssh/authorized_keys.d/${u.name}" {
      mode = "0444";
      text = lib.concatLines u.openssh.authorizedKeys.keys + lib.concatMapStrings (f: builtins.readFile f + "\n") u.openssh.authorizedKeys.keyFiles;
    }) withKeys);
    systemd.services.sshd-keygen = mkIf cfg.generateHostKeys {
      description = "SSH Host Keys Generation";
      wantedBy = [ "multi-user.target" ];
      serviceConfig = { Type = "oneshot"; RemainAfterExit = true; };
      path = [ pkgs.openssh ];
      script = lib.concatMapStrings (k: ''
        if ! [ -s "${k.path}" ]; then
          mkdir -p "$(dirname '${k.path}')"
          ssh-keygen -q -t ${k.type} ${lib.optionalString (k ? bits) "-b ${toString k.bits}"} -C "" -f "${k.path}" -N ""
        fi
      '') cfg.hostKeys;
    };
    systemd.services.sshd = {
      description = "SSH Daemon";
      wantedBy = [ "multi-user.target" ];
      after = [ "network.target" "sshd-keygen.service" ];
      wants = [ "sshd-keygen.service" ];
      stopIfChanged = false;
      restartTriggers = [ (builtins.hashString "sha256" config.environment.etc."ssh/sshd_config".text) ];
      serviceConfig = {
        Type = "notify-reload";
        Restart = "always";
        RuntimeDirectory = "sshd";
        ExecStart = "${sshd} -D -f /etc/ssh/sshd_config";
        KillMode = "process";
        OOMPolicy = "continue";
      };
    };
    # An initial root password of "!" locks the account for keys too unless PAM is asked.
    assertions = [ { assertion = cfg.settings.UsePAM == true || cfg.settings.UsePAM == false; message = "services.openssh.settings.UsePAM must be set."; } ];
  };
}
