# The systems for which packages may exist, in their short form, and groups of them.
{ lib }:
let
  inherit (lib.systems) parse;
  inherit (lib.systems.inspect) predicates;

  # CPUs by kernel.
  table = [
    {
      kernel = "cygwin";
      cpus = "i686 x86_64";
    }
    {
      kernel = "darwin";
      cpus = "x86_64 aarch64";
    }
    {
      kernel = "freebsd";
      cpus = "i686 x86_64 aarch64";
    }
    {
      kernel = "genode";
      cpus = "aarch64 i686 x86_64";
    }
    {
      kernel = "solaris";
      cpus = "x86_64";
    }
    {
      kernel = "ghcjs";
      cpus = "javascript";
    }
    {
      kernel = "linux";
      cpus = "aarch64 arc armv5tel armv6l armv7a armv7l i686 loongarch64 m68k sh4 microblaze microblazeel mips mips64 mips64el mipsel powerpc powerpc64 powerpc64le riscv32 riscv64 s390 s390x x86_64";
    }
    {
      kernel = "mmixware";
      cpus = "mmix";
    }
    {
      kernel = "netbsd";
      cpus = "aarch64 armv6l armv7a armv7l i686 m68k mipsel powerpc riscv32 riscv64 x86_64";
    }
    {
      kernel = "none";
      cpus = "aarch64_be aarch64 arm armv6l avr i686 microblaze microblazeel mips mips64 msp430 or1k m68k powerpc powerpcle riscv32 riscv64 rx s390 s390x vc4 x86_64";
    }
    {
      kernel = "openbsd";
      cpus = "i686 x86_64";
    }
    {
      kernel = "redox";
      cpus = "x86_64";
    }
    {
      kernel = "wasi";
      cpus = "wasm64 wasm32";
    }
    {
      kernel = "windows";
      cpus = "aarch64 x86_64 i686";
    }
    {
      kernel = "uefi";
      cpus = "aarch64 x86_64";
    }
  ];

  all = builtins.concatMap (
    entry:
    map (cpu: "${cpu}-${entry.kernel}") (lib.strings.splitString " " entry.cpus)
  ) table;

  parsed = map (name: {
    inherit name;
    system = parse.mkSystemFromString name;
  }) all;

  that = predicate: map (s: s.name) (builtins.filter (s: predicate s.system) parsed);
in
builtins.mapAttrs (_: that) {
  arm = predicates.isAarch32;
  armv7 = predicates.isArmv7;
  aarch = predicates.isAarch;
  aarch64 = predicates.isAarch64;
  arc = predicates.isArc;
  x86 = predicates.isx86;
  i686 = predicates.isi686;
  x86_64 = predicates.isx86_64;
  microblaze = predicates.isMicroBlaze;
  mips = predicates.isMips;
  mmix = predicates.isMmix;
  power = predicates.isPower;
  riscv = predicates.isRiscV;
  riscv32 = predicates.isRiscV32;
  riscv64 = predicates.isRiscV64;
  rx = predicates.isRx;
  vc4 = predicates.isVc4;
  or1k = predicates.isOr1k;
  m68k = predicates.isM68k;
  s390 = predicates.isS390;
  s390x = predicates.isS390x;
  sh4 = predicates.isSh4;
  loongarch64 = predicates.isLoongArch64;
  js = predicates.isJavaScript;

  bigEndian = predicates.isBigEndian;
  littleEndian = predicates.isLittleEndian;

  cygwin = predicates.isCygwin;
  darwin = predicates.isDarwin;
  freebsd = predicates.isFreeBSD;
  illumos = predicates.isSunOS;
  linux = predicates.isLinux;
  netbsd = predicates.isNetBSD;
  openbsd = predicates.isOpenBSD;
  unix = predicates.isUnix;
  wasi = predicates.isWasi;
  redox = predicates.isRedox;
  windows = predicates.isWindows;
  genode = predicates.isGenode;
  uefi = predicates.isUefi;
  embedded = predicates.isNone;
}
// {
  /**
    Every system.

    # Type
    `all :: [ String ]`
  */
  inherit all;

  /**
    No system at all.

    # Type
    `none :: [ String ]`
  */
  none = [ ];

  /**
    What has GNU's C library, which only Linux has: first those whose ABI is GNU's plain one, then the variants.

    # Type
    `gnu :: [ String ]`
  */
  gnu =
    builtins.concatMap
      (abi: that (system: predicates.isLinux system && system.abi.name == abi))
      [ "gnu" "gnueabi" "gnueabihf" "gnuabin32" "gnuabi64" "gnuabielfv1" "gnuabielfv2" ];
}
