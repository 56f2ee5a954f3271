# A machine that runs in QEMU, with the store of the host: `config.system.build.vm`.
{ config, lib, pkgs, utils, ... }:
let
  inherit (lib) mkOption mkIf types;
  cfg = config.virtualisation;
  flag = default: description: mkOption { type = types.bool; inherit default description; };
  hostPkgs = if cfg.host.pkgs == null then pkgs else cfg.host.pkgs;
  strings = description: mkOption { type = types.listOf types.str; default = [ ]; inherit description; };

  share = types.submodule {
    options = {
      source = mkOption { type = types.str; description = "The folder of the host; the runner's shell expands it."; };
      target = mkOption { type = types.path; description = "Where the machine sees it."; };
      securityModel = mkOption { type = types.enum [ "passthrough" "mapped-xattr" "mapped-file" "none" ]; default = "mapped-xattr"; description = "How owners and modes are kept."; };
    };
  };
  forward = types.submodule {
    options = {
      from = mkOption { type = types.enum [ "host" "guest" ]; default = "host"; description = "Who connects."; };
      proto = mkOption { type = types.enum [ "tcp" "udp" ]; default = "tcp"; description = "The protocol."; };
      host.address = mkOption { type = types.str; default = ""; description = "The host's address."; };
      host.port = mkOption { type = types.port; description = "The host's port."; };
      guest.address = mkOption { type = types.str; default = ""; description = "The machine's address."; };
      guest.port = mkOption { type = types.port; description = "The machine's port."; };
    };
  };
  tag = name: if builtins.stringLength name <= 31 then name else throw "virtualisation.sharedDirectories.${name}: a name has at most 31 letters";
  registration = pkgs.closureInfo { rootPaths = [ config.system.build.toplevel ] ++ cfg.additionalPaths; };

  spec = {
    version = 1;
    name = config.system.name;
    inherit (cfg) memorySize cores diskSize graphics restrictNetwork writableStore emptyDiskImages forwardPorts msize useEFIBoot mountHostNixStore;
    diskImage = cfg.diskImage;
    format = cfg.useDefaultFilesystems;
    resolution = { inherit (cfg.resolution) x y; };
    kernel = if cfg.directBoot.enable then "${config.boot.kernelPackages.kernel}/${if config.boot.kernelPackages.kernel ? vmlinux then "vmlinux" else "bzImage"}" else null;
    initrd = cfg.directBoot.initrd;
    toplevel = "${config.system.build.toplevel}";
    registration = "${registration}/registration";
    kernelParams = config.boot.kernelParams ++ cfg.consoleParams;
    options = cfg.qemu.options;
    networkingOptions = cfg.qemu.networkingOptions;
    drives = map (d: { inherit (d) file driveExtraOpts deviceExtraOpts; }) cfg.qemu.drives;
    vlans = cfg.vlans;
    shares = lib.mapAttrsToList (name: s: { tag = tag name; inherit (s) securityModel; }) cfg.sharedDirectories;
    tools = {
      qemu = "${cfg.qemu.package}/bin/qemu-system-x86_64";
      firmware = cfg.qemu.firmwareDirs;
      img = "${cfg.qemu.imgPackage}/bin/qemu-img";
      mkfs = "${hostPkgs.e2fsprogs}/sbin/mke2fs";
      efiFirmware = "${hostPkgs.units.ovmf}/share/OVMF/OVMF_CODE_4M.fd";
      efiVariables = "${hostPkgs.units.ovmf}/share/OVMF/OVMF_VARS_4M.fd";
    };
  };
  specFile = pkgs.writeText "vm.json" (builtins.toJSON spec);

  vm = utils.quick "nixos-vm"
    {
      text = ''
        #!${hostPkgs.bash}/bin/bash
        # Starts ${config.system.name}. What it does is described in the manual, chapter "Virtual machines".
        set -e
        ${lib.concatStrings (lib.mapAttrsToList (_: s: ''shares+=("${s.source}")${"\n"}'') cfg.sharedDirectories)}exec -a firn-os ${hostPkgs.firn}/bin/firn-os run-vm ${specFile} "''${#shares[@]}" "''${shares[@]}" "$@"
      '';
      toplevel = config.system.build.toplevel;
      machineName = config.system.name;
    } ''
    mkdir -p "$out/bin"
    printf '%s\n' "$text" >"$out/bin/run-$machineName-vm"
    chmod +x "$out/bin/run-$machineName-vm"
    ln -s "$toplevel" "$out/system"
  '';
in
{
  imports = [ (lib.mkRenamedOptionModule [ "virtualisation" "pathsInNixDB" ] [ "virtualisation" "additionalPaths" ]) ];
  options.virtualisation = {
    memorySize = mkOption { type = types.ints.positive; default = 1024; description = "Memory in MiB."; };
    cores = mkOption { type = types.ints.positive; default = 1; description = "Processors."; };
    msize = mkOption { type = types.ints.positive; default = 262144; description = "The largest message of 9p in bytes."; };
    diskSize = mkOption { type = types.either (types.enum [ "auto" ]) types.ints.positive; default = 1024; description = "The disk's size in MiB."; };
    diskImage = mkOption { type = types.nullOr types.str; default = "./${config.system.name}.qcow2"; defaultText = "./NAME.qcow2"; description = "The file of the disk; null keeps everything in memory. `NIX_DISK_IMAGE` overrides it."; };
    emptyDiskImages = mkOption { type = types.listOf (types.coercedTo types.ints.positive (size: { inherit size; }) (types.submodule { options = { size = mkOption { type = types.ints.positive; description = "The size in MiB."; }; driveConfig = mkOption { type = types.attrs; default = { }; description = "Without effect."; }; }; })); default = [ ]; description = "More disks, empty at every start."; };
    graphics = flag true "Whether there is a window; if not, the serial line is the terminal.";
    resolution = mkOption { type = types.attrsOf types.ints.positive; default = { x = 1024; y = 768; }; description = "The window's size."; };
    sharedDirectories = mkOption { type = types.attrsOf share; default = { }; example = { my-share = { source = "/path/to/be/shared"; target = "/mnt/shared"; }; }; description = "Folders of the host that the machine sees."; };
    additionalPaths = mkOption { type = types.listOf types.path; default = [ ]; description = "More store paths that the machine's Nix knows."; };
    forwardPorts = mkOption { type = types.listOf forward; default = [ ]; example = [ { from = "host"; host.port = 2222; guest.port = 22; } ]; description = "Ports that are passed on."; };
    restrictNetwork = flag false "Whether the machine reaches nothing outside.";
    vlans = mkOption { type = types.listOf types.ints.unsigned; default = [ ]; description = "Virtual networks of a test."; };
    interfaces = mkOption { type = types.attrsOf types.anything; default = { }; description = "Interfaces on virtual networks of a test."; };
    writableStore = flag cfg.mountHostNixStore "Whether the machine can add to its store; what it adds is in memory.";
    writableStoreUseTmpfs = flag true "Whether additions to the store are in memory.";
    mountHostNixStore = flag (!cfg.useNixStoreImage) "Whether the host's store is mounted.";
    useNixStoreImage = flag false "Whether the store is an image; not supported, the host's is mounted.";
    useDefaultFilesystems = flag true "Whether file systems are as a virtual machine has them.";
    fileSystems = mkOption { type = types.attrsOf types.anything; default = { }; description = "File systems beside the default ones."; };
    rootDevice = mkOption { type = types.nullOr types.path; default = "/dev/disk/by-label/nixos"; description = "The device of the root file system."; };
    bootDevice = mkOption { type = types.nullOr types.path; default = null; description = "Without effect."; };
    bootPartition = mkOption { type = types.nullOr types.path; default = null; description = "Without effect."; };
    bios = mkOption { type = types.nullOr types.package; default = null; description = "Another firmware."; };
    useBootLoader = flag false "Whether the disk boots by itself; not supported.";
    installBootLoader = flag cfg.useBootLoader "Whether a loader is installed.";
    useEFIBoot = flag false "Whether the firmware is EFI.";
    useBIOSBoot = flag false "Whether the firmware is BIOS.";
    useSecureBoot = flag false "Not supported.";
    useHostCerts = flag false "Whether the host's certificates are trusted.";
    credentials = mkOption { type = types.attrsOf types.anything; default = { }; description = "Credentials for systemd; not supported."; };
    directBoot = {
      enable = flag true "Whether QEMU loads the kernel itself.";
      initrd = mkOption { type = types.str; default = "${config.system.build.initialRamdisk}/initrd"; defaultText = "the machine's"; description = "The RAM disk."; };
    };
    tpm.enable = flag false "Not supported.";
    host.pkgs = mkOption { type = types.nullOr types.raw; default = null; description = "The package set of the host."; };
    consoleParams = mkOption { type = types.listOf types.str; internal = true; default = if cfg.graphics then [ "console=ttyS0" "console=tty0" ] else [ "console=tty0" "console=ttyS0" ]; description = "The kernel's consoles."; };
    qemu = {
      package = mkOption { type = types.package; default = hostPkgs.qemu; defaultText = "pkgs.qemu"; description = "QEMU."; };
      imgPackage = mkOption { type = types.package; internal = true; default = hostPkgs.units.qemu-utils; defaultText = "qemu-utils"; description = "The package with qemu-img."; };
      firmwareDirs = mkOption { type = types.listOf types.str; internal = true; default = [ "${hostPkgs.units.seabios}/share/seabios" "${hostPkgs.units.qemu-system-data}/share/qemu" ]; description = "Folders with firmware."; };
      options = strings "More arguments of QEMU.";
      consoles = mkOption { type = types.listOf types.str; default = [ ]; description = "Consoles of the kernel."; };
      networkingOptions = mkOption { type = types.listOf types.str; default = [ ]; description = "Arguments of QEMU instead of the usual network."; };
      drives = mkOption { type = types.listOf (types.submodule { options = { name = mkOption { type = types.nullOr types.str; default = null; description = "The name."; }; file = mkOption { type = types.str; description = "The file."; }; driveExtraOpts = mkOption { type = types.attrsOf types.str; default = { }; description = "Options of -drive."; }; deviceExtraOpts = mkOption { type = types.attrsOf types.str; default = { }; description = "Options of -device."; }; }; }); default = [ ]; description = "More disks."; };
      diskInterface = mkOption { type = types.enum [ "virtio" "scsi" "ide" ]; default = "virtio"; description = "Only virtio."; };
      guestAgent.enable = flag false "Without effect.";
      virtioKeyboard = flag true "Without effect.";
      enableSharedMemory = flag false "Without effect.";
    };
  };

  config = {
    assertions = [
      { assertion = !cfg.useBootLoader; message = "virtualisation.useBootLoader: the runner boots the kernel directly."; }
      { assertion = !cfg.useNixStoreImage; message = "virtualisation.useNixStoreImage: the runner mounts the host's store."; }
    ];
    # Only what a virtual machine of this kind has.
    boot.initrd.includeDefaultModules = lib.mkOverride 90 false;
    boot.initrd.availableKernelModules = [ "virtio_pci" "virtio_blk" "virtio_net" "9p" "9pnet_virtio" "overlay" "virtio_rng" ] ++ lib.optional cfg.useDefaultFilesystems "ext4";
    boot.initrd.compressor = lib.mkVMOverride "cat";
    boot.loader = { timeout = 0; systemd-boot.enable = lib.mkVMOverride false; grub.enable = lib.mkVMOverride false; generic-extlinux-compatible.enable = lib.mkVMOverride false; };
    boot.kernelParams = [ "panic=-1" "quiet" "tsc=reliable" "no_timer_check" "audit=0" "mitigations=off" ];
    boot.initrd.postMountCommands = mkIf cfg.useDefaultFilesystems "mkdir -p $target/tmp $target/var $target/root\nchmod 1777 $target/tmp\n";

    fileSystems = lib.mkVMOverride (
      (lib.optionalAttrs cfg.useDefaultFilesystems {
        "/" = if cfg.diskImage == null then { device = "tmpfs"; fsType = "tmpfs"; options = [ "mode=0755" ]; } else { device = cfg.rootDevice; fsType = "ext4"; noCheck = true; options = [ "noatime" ]; };
      })
      // lib.optionalAttrs cfg.mountHostNixStore (
        if cfg.writableStore then {
          "/nix/.ro-store" = { device = "nix-store"; fsType = "9p"; neededForBoot = true; options = [ "trans=virtio" "version=9p2000.L" "msize=${toString cfg.msize}" "cache=loose" "ro" ]; };
          "/nix/.rw-store" = { device = "tmpfs"; fsType = "tmpfs"; neededForBoot = true; options = [ "mode=0755" ]; };
          "/nix/store" = { neededForBoot = true; overlay = { lowerdir = [ "/nix/.ro-store" ]; upperdir = "/nix/.rw-store/upper"; workdir = "/nix/.rw-store/work"; }; };
        } else {
          "/nix/store" = { device = "nix-store"; fsType = "9p"; neededForBoot = true; options = [ "trans=virtio" "version=9p2000.L" "msize=${toString cfg.msize}" "cache=loose" "ro" ]; };
        }
      )
      // lib.mapAttrs' (name: s: lib.nameValuePair s.target { device = tag name; fsType = "9p"; options = [ "trans=virtio" "version=9p2000.L" "msize=${toString cfg.msize}" ]; }) cfg.sharedDirectories
      // cfg.fileSystems
    );
    swapDevices = lib.mkVMOverride [ ];

    # QEMU's network gives this address and this resolver.
    networking.nameservers = lib.mkDefault [ "10.0.2.3" ];
    networking.usePredictableInterfaceNames = lib.mkDefault false;
    services.timesyncd.enable = lib.mkDefault false;
    services.journald.storage = lib.mkDefault "volatile";
    # What costs time and has no use in such a machine.
    systemd.suppressedSystemUnits = [
      "systemd-udev-load-credentials.service" "systemd-random-seed.service" "systemd-journal-flush.service" "sys-fs-fuse-connections.mount"
      "systemd-remount-fs.service" "kmod-static-nodes.service" "modprobe@drm.service" "modprobe@fuse.service" "systemd-tmpfiles-setup-dev-early.service"
      "systemd-tmpfiles-clean.timer"
    ];
    boot.kernelModules = lib.mkVMOverride [ ];
    systemd.services.register-store-paths = {
      description = "Tell Nix which store paths there are";
      wantedBy = [ "multi-user.target" ];
      after = [ "multi-user.target" ];
      unitConfig.DefaultDependencies = false;
      conflicts = [ "shutdown.target" ];
      before = [ "shutdown.target" ];
      enableDefaultPath = false;
      unitConfig.ConditionPathExists = "!/nix/var/nix/db/registered";
      # The store is read-only for all but this.
      serviceConfig = { Type = "oneshot"; Nice = 19; PrivateMounts = true; };
      script = ''
        ${pkgs.units.mount}/bin/mount -o remount,bind,rw /nix/store
        for word in $(</proc/cmdline); do
          case $word in regInfo=*)
            ${config.nix.package}/bin/nix-store --load-db <"''${word#regInfo=}" && : >/nix/var/nix/db/registered
          esac
        done
      '';
    };
    security.pki.certificateFiles = [ ];
    system.build.vm = vm;
    system.requiredKernelConfig = [ ];
  };
  options.system.requiredKernelConfig = mkOption { type = types.raw; default = [ ]; internal = true; description = "Without effect."; };
}
