# Users and groups. The lists are data; who is added to or removed from /etc/passwd is decided at activation
# (crates/os, module users).
{ config, lib, pkgs, utils, ... }:
let
  inherit (lib) mkOption mkIf mkDefault types;
  cfg = config.users;

  nameType = types.passwdEntry types.str;
  passwordOption = text: mkOption { type = types.nullOr types.str; default = null; description = text; };
  range = types.submodule {
    options = {
      startUid = mkOption { type = types.int; description = "First identifier."; };
      startGid = mkOption { type = types.int; description = "First identifier."; };
      count = mkOption { type = types.int; default = 1; description = "How many."; };
    };
  };

  user = { name, config, ... }: {
    options = {
      enable = mkOption { type = types.bool; default = true; description = "Whether the user exists."; };
      name = mkOption { type = nameType; default = name; description = "The user's name."; };
      description = mkOption { type = types.passwdEntry types.str; default = ""; description = "The user's full name."; };
      uid = mkOption { type = types.nullOr types.int; default = null; description = "The user's number; null picks a free one."; };
      isSystemUser = mkOption { type = types.bool; default = false; description = "Whether it is an account of a service."; };
      isNormalUser = mkOption { type = types.bool; default = false; description = "Whether it is an account of a person."; };
      group = mkOption { type = types.str; default = ""; description = "The user's main group."; };
      extraGroups = mkOption { type = types.listOf types.str; default = [ ]; description = "More groups."; };
      home = mkOption { type = types.passwdEntry types.path; default = "/var/empty"; description = "The home folder."; };
      homeMode = mkOption { type = types.strMatching "[0-7]{1,5}"; default = "700"; description = "The home folder's mode."; };
      createHome = mkOption { type = types.bool; default = false; description = "Whether the home folder is made."; };
      shell = mkOption { type = types.nullOr (types.either types.shellPackage (types.passwdEntry types.path)); default = pkgs.shadow.nologin or "/run/current-system/sw/bin/nologin"; defaultText = "nologin"; description = "The login shell."; };
      useDefaultShell = mkOption { type = types.bool; default = false; description = "Whether the login shell is `users.defaultUserShell`."; };
      ignoreShellProgramCheck = mkOption { type = types.bool; default = false; description = "Without effect."; };
      hashedPassword = passwordOption "The password as `mkpasswd` hashes it.";
      password = passwordOption "The password. It lies readable in the store.";
      hashedPasswordFile = passwordOption "A file with the hashed password, read at activation.";
      passwordFile = passwordOption "Older name of `hashedPasswordFile`.";
      initialHashedPassword = passwordOption "The hashed password that a new user has.";
      initialPassword = passwordOption "The password that a new user has. It lies readable in the store.";
      packages = mkOption { type = types.listOf types.package; default = [ ]; description = "Packages of this user alone."; };
      subUidRanges = mkOption { type = types.listOf range; default = [ ]; description = "Numbers that the user may use in user namespaces."; };
      subGidRanges = mkOption { type = types.listOf range; default = [ ]; description = "Group numbers that the user may use in user namespaces."; };
      autoSubUidGidRange = mkOption { type = types.bool; default = false; description = "Whether such ranges are picked."; };
      linger = mkOption { type = types.nullOr types.bool; default = false; description = "Whether the user's units run without a session."; };
      expires = mkOption { type = types.nullOr types.str; default = null; description = "The day when the account ends, YYYY-MM-DD."; };
      openssh.authorizedKeys = {
        keys = mkOption { type = types.listOf types.singleLineStr; default = [ ]; description = "Public keys that may log in."; };
        keyFiles = mkOption { type = types.listOf types.path; default = [ ]; description = "Files with such keys."; };
        principals = mkOption { type = types.listOf types.singleLineStr; default = [ ]; description = "Principals of certificates."; };
      };
    };
    config = lib.mkMerge [
      (mkIf config.isNormalUser {
        group = mkDefault "users";
        createHome = mkDefault true;
        home = mkDefault "/home/${config.name}";
        homeMode = mkDefault "700";
        useDefaultShell = mkDefault true;
        isSystemUser = mkDefault false;
      })
      (mkIf config.useDefaultShell { shell = lib.mkOverride 900 cfg.defaultUserShell; })
      (mkIf (config.passwordFile != null) { hashedPasswordFile = mkDefault config.passwordFile; })
    ];
  };

  group = { name, ... }: {
    options = {
      name = mkOption { type = nameType; default = name; description = "The group's name."; };
      gid = mkOption { type = types.nullOr types.int; default = null; description = "The group's number; null picks a free one."; };
      members = mkOption { type = types.listOf (types.passwdEntry types.str); default = [ ]; description = "Users in the group."; };
    };
  };

  users = lib.filter (u: u.enable) (builtins.attrValues cfg.users);
  groups = builtins.attrValues cfg.groups;
  duplicates = list: let seen = lib.groupBy toString (builtins.filter (n: n != null) list); in builtins.attrNames (lib.filterAttrs (_: l: builtins.length l > 1) seen);
  twiceUid = duplicates (map (u: u.uid) users);
  twiceGid = duplicates (map (g: g.gid) groups);

  spec = {
    inherit (cfg) mutableUsers;
    users = map
      (u: {
        inherit (u) name uid group description home homeMode createHome isSystemUser hashedPassword password hashedPasswordFile
          initialHashedPassword initialPassword expires autoSubUidGidRange;
        shell = utils.toShellPath u.shell;
        subUidRanges = map (r: { start = r.startUid; inherit (r) count; }) u.subUidRanges;
        subGidRanges = map (r: { start = r.startGid; inherit (r) count; }) u.subGidRanges;
        linger = u.linger == true;
      })
      users;
    groups = map (g: { inherit (g) name gid; members = lib.unique (g.members ++ extraMembers.${g.name} or [ ]); }) groups;
  };
  extraMembers = lib.zipAttrs (lib.concatMap (u: map (g: { ${g} = u.name; }) u.extraGroups) users);

  system = uid: group: { inherit uid group; isSystemUser = true; };
in
{
  options.users = {
    mutableUsers = mkOption { type = types.bool; default = true; description = "Whether users and passwords changed by hand stay. If not, /etc/passwd and /etc/group hold exactly what is declared."; };
    enforceIdUniqueness = mkOption { type = types.bool; default = true; description = "Whether one number for two users or groups is an error."; };
    allowNoPasswordLogin = mkOption { type = types.bool; default = false; description = "Whether it is accepted that nobody can log in."; };
    defaultUserShell = mkOption { type = types.either types.path types.shellPackage; default = pkgs.bashInteractive; defaultText = "pkgs.bashInteractive"; description = "The login shell of people."; };
    motd = mkOption { type = types.nullOr types.lines; default = null; description = "What is shown after a login."; };
    users = mkOption { type = types.attrsOf (types.submodule user); default = { }; description = "Users."; };
    groups = mkOption { type = types.attrsOf (types.submodule group); default = { }; description = "Groups."; };
    spec = mkOption { type = types.raw; internal = true; readOnly = true; default = spec; description = "Users and groups as activation reads them."; };
  };

  config = {
    users.users = {
      root = { uid = 0; description = "System administrator"; home = "/root"; homeMode = "700"; shell = lib.mkOverride 900 cfg.defaultUserShell; group = "root"; initialHashedPassword = mkDefault "!"; isSystemUser = true; };
      nobody = { uid = 65534; isSystemUser = true; description = "Unprivileged account (don't use!)"; group = "nogroup"; };
      messagebus = system 4 "messagebus" // { description = "D-Bus"; };
      systemd-network = system 152 "systemd-network" // { description = "systemd's network management"; };
      systemd-resolve = system 153 "systemd-resolve" // { description = "systemd's resolver"; };
      systemd-timesync = system 154 "systemd-timesync" // { description = "systemd's clock"; };
    };
    users.groups = lib.mapAttrs (_: gid: { inherit gid; }) {
      root = 0; wheel = 1; kmem = 2; tty = 3; messagebus = 4; disk = 6; audio = 17; floppy = 18; uucp = 19; lp = 20; cdrom = 24;
      tape = 25; video = 26; dialout = 27; utmp = 29; adm = 55; keys = 96; users = 100; systemd-journal = 62; systemd-network = 152;
      systemd-resolve = 153; systemd-timesync = 154; input = 174; nogroup = 65534; shadow = 318; kvm = 302; render = 303; sgx = 304; clock = 300;
    };

    environment.etc.shells.text = lib.concatStringsSep "\n" (lib.unique ([ "/run/current-system/sw/bin/bash" "/run/current-system/sw/bin/sh" "/bin/sh" "/bin/bash" ] ++ map utils.toShellPath config.environment.shells)) + "\n";
    environment.etc."profiles/per-user/.keep" = mkIf (lib.any (u: u.packages != [ ]) users) { text = ""; };
    # What `users.users.<name>.packages` names is found through /etc/profiles.
    environment.profiles = mkIf (lib.any (u: u.packages != [ ]) users) (lib.mkAfter [ "/etc/profiles/per-user/$USER" ]);
    environment.etc.motd = mkIf (cfg.motd != null) { text = cfg.motd; };

    assertions = [
      { assertion = !cfg.enforceIdUniqueness || (twiceUid == [ ] && twiceGid == [ ]); message = "UIDs and GIDs must be unique! Twice: ${lib.concatStringsSep ", " (map (n: "user ${n}") twiceUid ++ map (n: "group ${n}") twiceGid)}"; }
      {
        assertion = cfg.mutableUsers || cfg.allowNoPasswordLogin || lib.any
          (u: (u.name == "root" || builtins.elem "wheel" u.extraGroups) && (u.hashedPassword != null || u.password != null || u.hashedPasswordFile != null || u.initialPassword != null
            || u.openssh.authorizedKeys.keys != [ ] || u.openssh.authorizedKeys.keyFiles != [ ]))
          users;
        message = "Neither the root account nor any wheel user has a password or SSH authorized key. You must set one to prevent being locked out of your system. If you really want to be locked out, set users.allowNoPasswordLogin = true.";
      }
    ] ++ lib.concatMap
      (u: [
        {
          assertion = u.isSystemUser != u.isNormalUser || u.name == "root";
          message = "Exactly one of users.users.${u.name}.isSystemUser and users.users.${u.name}.isNormalUser must be set.";
        }
        {
          assertion = u.group != "";
          message = "users.users.${u.name}.group is unset. This used to default to nogroup, but this is unsafe. For example you can create a group for this user with:\nusers.users.${u.name}.group = \"${u.name}\";\nusers.groups.${u.name} = {};";
        }
        {
          assertion = u.hashedPassword == null || builtins.match ".*[:\n].*" u.hashedPassword == null;
          message = "users.users.${u.name}.hashedPassword holds a colon or a line break.";
        }
      ])
      users;
  };

  imports = [
    {
      environment.etc = lib.listToAttrs (map
        (u: lib.nameValuePair "profiles/per-user/${u.name}" {
          source = pkgs.buildEnv { name = "user-environment"; paths = u.packages; ignoreCollisions = true; };
        })
        (lib.filter (u: u.packages != [ ]) (builtins.attrValues config.users.users)));
    }
  ];
}
