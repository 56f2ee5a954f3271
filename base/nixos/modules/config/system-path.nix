# The packages of the machine: /run/current-system/sw, which is also /usr.
#
# Debian's programs have /usr compiled in: systemd's helpers, PAM's modules, D-Bus' and udev's data, shells in scripts. So the
# farm of links that `environment.systemPackages` make is what a running machine has as /usr.
{ config, lib, pkgs, utils, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.environment;
  required = with pkgs.units; [
    bash dash coreutils findutils diffutils grep sed gawk tar gzip bzip2 xz-utils zstd
    util-linux mount login passwd procps less hostname iproute2 iputils-ping ncurses-bin ncurses-base debianutils psmisc
    libc-bin libc6 netbase media-types tzdata kmod e2fsprogs
    systemd systemd-sysv udev dbus dbus-bin dbus-daemon dbus-system-bus-common
    libpam-modules libpam-modules-bin libpam-systemd libnss-systemd libnss-myhostname
  ] ++ [ kernelModules ];
  # modprobe and systemd look for the modules of the kernel that runs below /usr.
  kernelModules = utils.quick "kernel-modules-link" { } ''
    mkdir -p "$out/lib"
    ln -s /run/booted-system/kernel-modules/lib/modules "$out/lib/modules"
  '';
  named = path: if builtins.isAttrs path then path.meta.priority or 5 else 5;
  all = lib.filter (p: p != null) (lib.flatten cfg.systemPackages);
  outputsOf = p:
    if builtins.isAttrs p && p ? meta && !(p.outputSpecified or false) then
      map (o: "${p.${o}}") (lib.unique (builtins.filter (o: p ? ${o}) (p.meta.outputsToInstall or [ "out" ] ++ cfg.extraOutputsToInstall)))
    else [ "${p}" ];
in
{
  options.environment = {
    systemPackages = mkOption { type = types.listOf (types.nullOr types.package); default = [ ]; description = "Packages whose programs every user has."; };
    defaultPackages = mkOption { type = types.listOf types.package; default = [ pkgs.nano pkgs.perl pkgs.rsync ]; defaultText = "nano, perl, rsync"; description = "Packages that a machine has unless this is emptied."; };
    corePackages = mkOption { type = types.listOf types.package; default = required; defaultText = "what a machine cannot run without"; internal = true; description = "Packages that a machine cannot do without."; };
    pathsToLink = mkOption { type = types.listOf types.str; default = [ ]; description = "Folders of packages that are linked, beside those that always are."; };
    extraOutputsToInstall = mkOption { type = types.listOf types.str; default = [ ]; description = "More outputs of packages that are linked."; };
    extraSetup = mkOption { type = types.lines; default = ""; description = "Shell code run in the finished farm."; };
  };
  options.system.path = mkOption { type = types.package; internal = true; description = "The farm of links."; };

  config = {
    # What is listed first wins over what follows, where two packages have the same file.
    environment.systemPackages = lib.mkMerge [
      (lib.mkAfter cfg.defaultPackages)
      (lib.mkOrder 2000 cfg.corePackages)
    ];
    environment.pathsToLink = [ "/bin" "/sbin" "/lib" "/lib64" "/libexec" "/share" "/etc/xdg" ];
    system.path = derivation {
      name = "system-path";
      system = "builtin";
      builder = "builtin:system-path";
      layout = "1";
      packages = lib.imap0 (i: p: "${toString (named p)}:${toString i}:${lib.concatStringsSep "," (outputsOf p)}") all;
      inherit (cfg) pathsToLink;
      preferLocalBuild = true;
      allowSubstitutes = false;
    };
  };
}
