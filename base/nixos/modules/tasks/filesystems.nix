# File systems and /etc/fstab.
{ config, lib, pkgs, utils, ... }:
let
  inherit (lib) mkOption types;
  fsModule = { name, config, ... }: {
    options = {
      mountPoint = mkOption { type = types.str; default = name; description = "Where it is mounted."; };
      device = mkOption { type = types.nullOr types.nonEmptyStr; default = null; description = "What is mounted."; };
      label = mkOption { type = types.nullOr types.nonEmptyStr; default = null; description = "The label of what is mounted."; };
      fsType = mkOption { type = types.nonEmptyStr; default = "auto"; description = "The kind of file system."; };
      options = mkOption { type = types.listOf types.nonEmptyStr; default = [ ]; apply = l: if l == [ ] then [ "defaults" ] else l; description = "Options of the mount."; };
      depends = mkOption { type = types.listOf types.nonEmptyStr; default = [ ]; description = "Folders that must be mounted before."; };
      neededForBoot = mkOption { type = types.bool; default = false; description = "Whether the first stage mounts it."; };
      noCheck = mkOption { type = types.bool; default = false; description = "Whether it is not checked."; };
      enable = mkOption { type = types.bool; default = true; description = "Whether it is mounted."; };
      autoFormat = mkOption { type = types.bool; default = false; description = "Whether an empty device is formatted."; };
      autoResize = mkOption { type = types.bool; default = false; description = "Whether it grows to the device's size."; };
      formatOptions = mkOption { type = types.nullOr types.str; default = null; visible = false; description = "Options of formatting."; };
      overlay = {
        lowerdir = mkOption { type = types.nullOr (types.listOf types.str); default = null; description = "Folders below an overlay."; };
        upperdir = mkOption { type = types.nullOr types.str; default = null; description = "The folder that takes changes."; };
        workdir = mkOption { type = types.nullOr types.str; default = null; description = "A folder that the overlay needs."; };
      };
    };
    config = lib.mkMerge [
      { device = lib.mkIf (config.label != null) (lib.mkDefault "/dev/disk/by-label/${config.label}"); }
      (lib.mkIf (config.overlay.lowerdir != null) {
        fsType = lib.mkDefault "overlay";
        device = lib.mkDefault "overlay";
        depends = config.overlay.lowerdir ++ lib.optional (config.overlay.upperdir != null) config.overlay.upperdir;
        options =
          let prefix = lib.optionalString (utils.fsNeededForBoot config) "/mnt-root"; in
          [ "lowerdir=${lib.concatMapStringsSep ":" (d: "${prefix}${d}") config.overlay.lowerdir}" ]
          ++ lib.optionals (config.overlay.upperdir != null) [ "upperdir=${prefix}${config.overlay.upperdir}" "workdir=${prefix}${config.overlay.workdir}" ];
      })
      (lib.mkIf (builtins.elem config.fsType [ "9p" "virtiofs" ]) { device = lib.mkDefault name; })
    ];
  };
  all = builtins.filter (fs: fs.enable) (builtins.attrValues config.fileSystems);
  # A mount comes after those that it lies in or needs.
  before = a: b: a.mountPoint != b.mountPoint && (a.mountPoint == "/" || lib.hasPrefix "${a.mountPoint}/" b.mountPoint || a.mountPoint == b.device
    || builtins.any (d: d == a.mountPoint || lib.hasPrefix "${a.mountPoint}/" d) b.depends);
  sorted = lib.toposort before all;
  line = fs:
    let
      extra = lib.optional (fs.depends != [ ] && !utils.fsNeededForBoot fs) null;
      options = fs.options ++ lib.concatMap (d: [ "x-systemd.requires-mounts-for=${d}" ]) fs.depends;
    in
    "${if fs.device == null then throw "fileSystems.\"${fs.mountPoint}\": give it a device or a label" else lib.replaceStrings [ " " ] [ "\\040" ] fs.device} ${lib.replaceStrings [ " " ] [ "\\040" ] fs.mountPoint} ${fs.fsType} ${lib.concatStringsSep "," (builtins.filter (o: extra == extra) options)} 0 ${if fs.noCheck || builtins.elem fs.fsType [ "9p" "tmpfs" "overlay" "none" "virtiofs" "btrfs" "nfs" ] then "0" else if fs.mountPoint == "/" then "1" else "2"}\n";
in
{
  options.fileSystems = mkOption {
    default = { };
    description = "File systems, by where they are mounted.";
    type = types.attrsOf (types.submodule fsModule);
  };
  config = {
    assertions = [
      { assertion = config.fileSystems ? "/" || config.boot.isContainer || config.system.build.hasNoRoot or false; message = "The ‘fileSystems’ option does not specify your root file system."; }
      { assertion = sorted ? result; message = "The ‘fileSystems’ option can't be topologically sorted: mountpoint dependency path ${lib.concatMapStringsSep " -> " (f: f.mountPoint) (sorted.cycle or [ ])} loops to ${lib.concatMapStringsSep ", " (f: f.mountPoint) (sorted.loops or [ ])}"; }
    ];
    system.build.fileSystems = sorted.result or [ ];
    environment.etc.fstab.text = ''
      # Made from the option ‘fileSystems’; a change here is lost at the next switch.
    '' + lib.concatMapStrings line (sorted.result or [ ])
    + lib.concatMapStrings (s: "${s.realDevice} none swap ${lib.concatStringsSep "," s.options}\n") config.swapDevices;
    systemd.tmpfiles.rules = [ ];
    environment.systemPackages = lib.mkIf (builtins.any (fs: fs.fsType == "vfat") all) [ pkgs.units.dosfstools ];
  };
}
