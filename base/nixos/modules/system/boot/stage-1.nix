# The initial RAM disk: loads modules, mounts what the second stage needs, and hands over.
{ config, lib, pkgs, utils, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.boot.initrd;
  lines = description: mkOption { type = types.lines; default = ""; inherit description; };
  needed = builtins.filter utils.fsNeededForBoot config.system.build.fileSystems;
  kernel = config.boot.kernelPackages.kernel;

  # A file system whose kernel module has another name, or more than one.
  fsModules = {
    ext2 = [ "ext4" ]; ext3 = [ "ext4" ]; ext4 = [ "ext4" "crc32c_generic" ];
    "9p" = [ "9p" "9pnet_virtio" ]; vfat = [ "vfat" "nls_cp437" "nls_iso8859-1" ]; btrfs = [ "btrfs" "crc32c_generic" ];
    tmpfs = [ ]; none = [ ]; auto = [ ]; bind = [ ]; proc = [ ]; sysfs = [ ]; virtiofs = [ "virtiofs" ];
  };
  modules = lib.unique (cfg.kernelModules ++ cfg.availableKernelModules ++ lib.concatMap (fs: fsModules.${fs.fsType} or [ fs.fsType ]) needed);

  # Modules with all that they depend on, unpacked, in an order in which each needs only earlier ones.
  moduleClosure = utils.quick "initrd-modules"
    { inherit modules; tree = "${kernel.modules}/lib/modules/${kernel.modDirVersion}"; tools = [ pkgs.units.kmod pkgs.units.xz-utils pkgs.units.zstd pkgs.units.grep ]; } ''
    mkdir -p "$out/modules"
    declare -A seen
    while read -r kind file _; do
      [ "$kind" = insmod ] || continue
      name=''${file##*/}; name=''${name%%.ko*}
      [ -z "''${seen[$name]:-}" ] || continue
      seen[$name]=1
      case $file in
        *.xz) xz -dc "$file" >"$out/modules/$name.ko" ;;
        *.zst) zstd -qdc "$file" >"$out/modules/$name.ko" ;;
        *) cp "$file" "$out/modules/$name.ko" ;;
      esac
      echo "$name" >>"$out/order"
    done < <(for m in "''${modules[@]}"; do modprobe -d "''${tree%/lib/modules/*}" -S "''${tree##*/}" --show-depends "$m" || echo "missing $m" >>missing; done)
    [ -e "$out/order" ] || : >"$out/order"
    while read -r _ m; do
      grep -q "/''${m//_/[-_]}\.ko" "$tree/modules.builtin" || { echo "error: the kernel has no module '$m'" >&2; exit 1; }
    done < <(cat missing 2>/dev/null || true)
  '';

  fstab = lib.concatMapStrings
    (fs: "${if fs.overlay.lowerdir != null then "overlay" else fs.device} ${fs.mountPoint} ${fs.fsType} ${lib.concatStringsSep "," (map (o: if o == "defaults" then "rw" else o) (builtins.filter (o: !lib.hasPrefix "x-" o) fs.options))} ${if fs.noCheck || builtins.elem fs.fsType [ "9p" "tmpfs" "overlay" "none" "virtiofs" ] then "-" else "check"}\n")
    needed;

  script = pkgs.writeScript "stage-1-init" ''
    #!/bin/busybox sh
    # Everything here is busybox, in memory.
    export PATH=/bin
    busybox mount -t proc proc /proc
    busybox mount -t sysfs sysfs /sys
    busybox mount -t devtmpfs devtmpfs /dev
    busybox --install -s /bin
    say() { echo "<5>stage 1: $*" >/dev/kmsg; }
    init= debug= root=
    for word in $(cat /proc/cmdline); do
      case $word in
        init=*) init=''${word#init=} ;;
        boot.debug*) debug=1 ;;
        boot.shell_on_fail) shell=1 ;;
        root=*) root=''${word#root=} ;;
      esac
    done
    fail() {
      echo "stage 1 failed: $*" >/dev/console
      if [ -n "$shell" ]; then setsid cttyhack sh </dev/console >/dev/console 2>&1; fi
      # The kernel's panic= parameter decides what happens then.
      exit 1
    }
    [ -n "$init" ] || fail "no init= on the kernel's command line"
    ${cfg.preDeviceCommands}
    while read -r m; do insmod "/modules/$m.ko" 2>/dev/null || say "module $m was not loaded"; done </order
    mkdir -p /mnt-root
    target=/mnt-root
    ${cfg.postDeviceCommands}
    waitFor() {
      n=0
      while [ ! -e "$1" ] && [ $n -lt 400 ]; do sleep 0.05; n=$((n + 1)); done
      [ -e "$1" ]
    }
    # A label or identifier names the device that has it; findfs reads the devices' headers.
    device() {
      case $1 in
        /dev/disk/by-label/*) n=0; until findfs "LABEL=''${1##*/}" 2>/dev/null; do n=$((n + 1)); [ $n -lt 200 ] || break; sleep 0.05; done ;;
        /dev/disk/by-uuid/*) n=0; until findfs "UUID=''${1##*/}" 2>/dev/null; do n=$((n + 1)); [ $n -lt 200 ] || break; sleep 0.05; done ;;
        /dev/*) waitFor "$1"; echo "$1" ;;
        *) echo "$1" ;;
      esac
    }
    ${cfg.postResumeCommands}
    while read -r dev point type options check; do
      [ -z "$debug" ] || say "mounting $dev on $point"
      dir=$target$point
      mkdir -p "$dir"
      dev=$(device "$dev")
      case ,$options, in
        *,bind,*) mount -o "$options" "$target$dev" "$dir" || fail "mount $point"; continue ;;
      esac
      if [ "$type" = overlay ]; then
        for o in $(echo "$options" | tr , ' '); do case $o in upperdir=*|workdir=*) mkdir -p "''${o#*=}" ;; esac; done
      fi
      if [ "$check" = check ] && [ -x /bin/e2fsck ] && [ "$type" = ext4 ]; then
        e2fsck -p "$dev" >/dev/kmsg 2>&1
        [ $? -lt 4 ] || fail "the file system on $dev has errors that need a decision: run e2fsck"
      fi
      [ "$type" != auto ] || type=
      mount ''${type:+-t} $type -o "$options" "$dev" "$dir" || fail "mount $dev on $point ($type, $options)"
    done </fstab
    ${cfg.postMountCommands}
    mkdir -p $target/proc $target/sys $target/dev $target/run $target/nix/store
    [ -e "$target$init" ] || [ -L "$target$init" ] || fail "$init is not there"
    mount -t tmpfs -o mode=755,nosuid,nodev,size=${config.boot.runSize} tmpfs $target/run
    umount /proc /sys 2>/dev/null
    mount -t proc -o nosuid,noexec,nodev proc $target/proc
    mount -t sysfs -o nosuid,noexec,nodev sysfs $target/sys
    mount --move /dev $target/dev
    exec switch_root $target "$init"
  '';

  initialRamdisk = utils.quick "initrd"
    {
      inherit fstab moduleClosure;
      init = script;
      busybox = "${pkgs.busybox}/bin/busybox";
      inherit (cfg) compressor;
      secrets = lib.mapAttrs (n: s: toString (if s == null then n else s)) cfg.secrets;
      tools = [ pkgs.units.cpio pkgs.units.zstd pkgs.units.gzip pkgs.units.xz-utils pkgs.units.findutils ];
      extraFiles = lib.mapAttrs (_: f: "${f.source}") cfg.extraFiles;
    } ''
    mkdir -p root/{bin,dev,proc,sys,mnt-root,modules,etc} "$out"
    cp "$busybox" root/bin/busybox
    cp "$init" root/init
    chmod +x root/init
    cp "$moduleClosure"/modules/*.ko root/modules/ 2>/dev/null || true
    cp "$moduleClosure/order" root/order
    printf '%s' "$fstab" >root/fstab
    for n in "''${!extraFiles[@]}"; do mkdir -p "root/$(dirname "$n")"; cp -rL "''${extraFiles[$n]}" "root/$n"; done
    (cd root && find . -exec touch -h -d @1 {} + && find . -print0 | sort -z | cpio -0 -o -H newc -R 0:0 --reproducible --quiet) >initrd
    case $compressor in
      cat | none) cp initrd "$out/initrd" ;;
      zstd) zstd -q -10 initrd -o "$out/initrd" ;;
      xz) xz --check=crc32 -c initrd >"$out/initrd" ;;
      gzip) gzip -9nc initrd >"$out/initrd" ;;
      *) echo "error: boot.initrd.compressor: '$compressor' is not one of cat, zstd, xz, gzip" >&2; exit 1 ;;
    esac
  '';
in
{
  options.boot = {
    runSize = mkOption { type = types.str; default = "25%"; description = "How much memory /run may use."; };
    devSize = mkOption { type = types.str; default = "5%"; description = "How much memory /dev may use."; };
    devShmSize = mkOption { type = types.str; default = "50%"; description = "How much memory /dev/shm may use."; };
    resumeDevice = mkOption { type = types.str; default = ""; description = "The device that a hibernated machine wakes from."; };
    growPartition = mkOption { type = types.bool; default = false; description = "Whether the root partition grows to the disk's size at boot."; };
    initrd = {
      preDeviceCommands = lines "Commands before modules are loaded.";
      postDeviceCommands = lines "Commands when modules are loaded.";
      postResumeCommands = lines "Commands before file systems are mounted.";
      postMountCommands = lines "Commands when file systems are mounted below $target.";
      extraFiles = mkOption { type = types.attrsOf (types.submodule { options.source = mkOption { type = types.package; description = "The file."; }; }); default = { }; description = "More files."; };
      secrets = mkOption { type = types.attrsOf (types.nullOr types.path); default = { }; description = "Files that the boot loader appends."; };
      compressor = mkOption { type = types.str; default = "zstd"; description = "How it is compressed: cat (not at all), zstd, xz or gzip."; };
      checkJournalingFS = mkOption { type = types.bool; default = true; description = "Without effect: file systems with a journal are checked by the kernel."; };
      verbose = mkOption { type = types.bool; default = true; description = "Without effect."; };
      supportedFilesystems = mkOption { type = types.coercedTo (types.listOf types.str) (l: lib.genAttrs l (_: true)) (types.attrsOf types.bool); default = { }; description = "File systems that the first stage can mount."; };
      systemd.enable = mkOption { type = types.bool; default = false; description = "Without effect: the first stage is a small shell script, which is quicker."; };
      systemd.services = mkOption { type = types.attrsOf types.anything; default = { }; description = "Without effect."; };
      network.enable = mkOption { type = types.bool; default = false; description = "Without effect."; };
      luks.devices = mkOption { type = types.attrsOf types.anything; default = { }; description = "Encrypted devices; not supported by the first stage yet."; };
    };
  };
  config = lib.mkIf cfg.enable {
    assertions = [ { assertion = cfg.luks.devices == { }; message = "boot.initrd.luks.devices: the first stage of the embedded base cannot open encrypted devices."; } ];
    boot.initrd.availableKernelModules = lib.mkIf cfg.includeDefaultModules [ "virtio_pci" "virtio_blk" "virtio_scsi" "sd_mod" "ahci" "nvme" "sr_mod" "usbhid" "hid_generic" "xhci_pci" ];
    system.build = { inherit initialRamdisk moduleClosure; bootStage1 = script; };
  };
}
