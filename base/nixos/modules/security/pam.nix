# PAM: which modules decide about logins.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  flag = default: description: mkOption { type = types.bool; inherit default description; };
  rule = s: "${s}\n";
  service = { name, config, ... }: {
    options = {
      name = mkOption { type = types.str; default = name; description = "The service's name."; };
      enable = flag true "Whether the service is set up.";
      unixAuth = flag true "Whether passwords of the machine count.";
      rootOK = flag false "Whether root is let in without a password.";
      startSession = flag false "Whether a session of systemd begins.";
      setEnvironment = flag true "Whether the environment's variables are set.";
      setLoginUid = flag config.startSession "Whether the login is noted for the kernel's audit.";
      allowNullPassword = flag false "Whether empty passwords are good.";
      showMotd = flag false "Whether the message of the day is shown.";
      updateWtmp = flag false "Without effect.";
      nodelay = flag false "Whether a wrong password is answered at once.";
      requireWheel = flag false "Whether only the group wheel may.";
      makeHomeDir = flag false "Whether the home folder is made.";
      sshAgentAuth = flag false "Without effect.";
      forwardXAuth = flag false "Without effect.";
      limits = mkOption { type = types.listOf types.attrs; default = [ ]; description = "Limits of resources."; };
      text = mkOption { type = types.nullOr types.lines; default = null; description = "The file's contents, if not made from these options."; };
      rules = mkOption { type = types.attrsOf types.anything; default = { }; description = "Without effect."; };
    };
    config.text = lib.mkDefault (lib.concatStrings (
      [ "# ${config.name}\n" (rule "account required pam_unix.so") ]
      ++ lib.optional config.rootOK (rule "auth sufficient pam_rootok.so")
      ++ lib.optional config.requireWheel (rule "auth required pam_wheel.so use_uid")
      ++ lib.optional config.unixAuth (rule "auth sufficient pam_unix.so${lib.optionalString config.allowNullPassword " nullok"}${lib.optionalString config.nodelay " nodelay"} likeauth try_first_pass")
      ++ [ (rule "auth required pam_deny.so") (rule "password sufficient pam_unix.so nullok yescrypt") ]
      ++ lib.optional config.setEnvironment (rule "session required pam_env.so conffile=/etc/pam/environment readenv=0")
      ++ [ (rule "session required pam_unix.so") ]
      ++ lib.optional config.setLoginUid (rule "session optional pam_loginuid.so")
      ++ lib.optional config.makeHomeDir (rule "session required pam_mkhomedir.so silent umask=0077")
      ++ lib.optional config.startSession (rule "session optional pam_systemd.so")
      ++ lib.optional config.showMotd (rule "session optional pam_motd.so motd=/etc/motd")
      ++ lib.optional (limits != [ ]) (rule "session required pam_limits.so")
    ));
  };
  limits = config.security.pam.loginLimits;
in
{
  options.security.pam = {
    services = mkOption { type = types.attrsOf (types.submodule service); default = { }; description = "Services that ask PAM."; };
    loginLimits = mkOption { type = types.listOf (types.attrsOf (types.either types.str types.int)); default = [ ]; example = [ { domain = "@users"; item = "nproc"; type = "hard"; value = "100"; } ]; description = "Limits of sessions."; };
    makeHomeDir.umask = mkOption { type = types.str; default = "0077"; description = "The mode of home folders."; };
  };
  config = {
    security.pam.services = {
      other.text = ''
        auth required pam_warn.so
        auth required pam_deny.so
        account required pam_warn.so
        account required pam_deny.so
        password required pam_warn.so
        password required pam_deny.so
        session required pam_warn.so
        session required pam_deny.so
      '';
      login = { startSession = true; allowNullPassword = true; showMotd = lib.mkDefault (config.users.motd != null); };
      su = { rootOK = true; };
      "su-l" = { rootOK = true; startSession = true; };
      passwd = { };
      chpasswd.rootOK = true;
      runuser = { rootOK = true; unixAuth = false; setEnvironment = false; };
      "runuser-l" = { rootOK = true; unixAuth = false; startSession = true; };
      "systemd-user" = { unixAuth = true; startSession = true; };
      useradd.rootOK = true;
      usermod.rootOK = true;
      groupadd.rootOK = true;
    };
    environment.etc = lib.mapAttrs' (_: s: lib.nameValuePair "pam.d/${s.name}" { inherit (s) text; }) (lib.filterAttrs (_: s: s.enable) config.security.pam.services)
      // {
        "pam/environment".text = lib.concatStrings (lib.mapAttrsToList (n: v: lib.optionalString (v != null) "${n} DEFAULT=\"${v}\"\n") config.environment.sessionVariables)
          + "PATH DEFAULT=\"/run/wrappers/bin:/nix/var/nix/profiles/default/bin:/run/current-system/sw/bin:/run/current-system/sw/sbin\"\n";
        "security/limits.conf".text = lib.concatMapStrings (l: "${l.domain} ${l.type} ${l.item} ${toString l.value}\n") limits;
        "login.defs".text = ''
          DEFAULT_HOME yes
          SYS_UID_MIN 400
          SYS_UID_MAX 999
          UID_MIN 1000
          UID_MAX 29999
          SYS_GID_MIN 400
          SYS_GID_MAX 999
          GID_MIN 1000
          GID_MAX 29999
          TTYGROUP tty
          TTYPERM 0620
          UMASK 077
          ENCRYPT_METHOD YESCRYPT
          ENV_PATH PATH=/run/wrappers/bin:/run/current-system/sw/bin
          ENV_SUPATH PATH=/run/wrappers/bin:/run/current-system/sw/bin:/run/current-system/sw/sbin
          CHFN_RESTRICT
        '';
      };
  };
}
