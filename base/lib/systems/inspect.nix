# Questions about systems, as patterns that `lib.attrsets.matchAttrs` understands and as functions.
{ lib }:
let
  inherit (lib.systems.parse)
    abis
    cpuTypes
    execFormats
    kernels
    significantBytes
    ;
  inherit (lib.lists) toList;

  family = name: { cpu.family = name; };
  bits = n: { cpu.bits = n; };
  both = lib.attrsets.recursiveUpdate;
  kernel = name: { kernel = kernels.${name}; };
  abi = names: map (name: { abi = abis.${name}; }) names;
  format = name: { kernel.execFormat = execFormats.${name}; };
in
rec {
  /**
    Patterns of parsed systems; a list means any of its elements.

    # Type
    `patterns :: { [String] :: AttrSet | [ AttrSet ] }`
  */
  patterns = rec {
    ## CPUs
    isi686.cpu = cpuTypes.i686;
    isx86_32 = both isx86 is32bit;
    isx86_64 = both isx86 is64bit;
    isPower = family "power";
    isPower64 = both isPower is64bit;
    # which of two ABIs big-endian 64-bit PowerPC has
    isAbiElfv1.abi.abi = "elfv1";
    isAbiElfv2 = [
      { abi.abi = "elfv2"; }
      {
        abi.name = "musl";
        cpu = {
          family = "power";
          bits = 64;
        };
      }
    ];
    isx86 = family "x86";
    isAarch32 = both isAarch is32bit;
    isArmv7 = map (arch: { cpu = { inherit arch; }; }) [
      "armv7-a"
      "armv7"
      "armv7-m"
      "armv7-r"
    ];
    isAarch64 = both isAarch is64bit;
    isAarch = family "arm";
    isMicroBlaze = family "microblaze";
    isMips = family "mips";
    isMips32 = both isMips is32bit;
    isMips64 = both isMips is64bit;
    isMips64n32 = both isMips64 { abi.abi = "n32"; };
    isMips64n64 = both isMips64 { abi.abi = "64"; };
    isMmix = family "mmix";
    isRiscV = family "riscv";
    isRiscV32 = both isRiscV is32bit;
    isRiscV64 = both isRiscV is64bit;
    isRx = family "rx";
    isSparc = family "sparc";
    isSparc64 = both isSparc is64bit;
    isSh4 = family "sh";
    isWasm = family "wasm";
    isMsp430 = family "msp430";
    isVc4 = family "vc4";
    isAvr = family "avr";
    isAlpha = family "alpha";
    isOr1k = family "or1k";
    isM68k = family "m68k";
    isS390 = family "s390";
    isS390x = both isS390 is64bit;
    isLoongArch64 = both (family "loongarch") is64bit;
    isArc = family "arc";
    isJavaScript.cpu = cpuTypes.javascript;

    is32bit = bits 32;
    is64bit = bits 64;
    # 64-bit registers, 32-bit pointers
    isILP32 = [
      (both isWasm is32bit)
    ]
    ++ map (a: { abi.abi = a; }) [
      "n32"
      "ilp32"
      "x32"
    ];
    isBigEndian.cpu.significantByte = significantBytes.bigEndian;
    isLittleEndian.cpu.significantByte = significantBytes.littleEndian;

    ## Kernels
    isBSD.kernel.families.bsd = lib.systems.parse.kernelFamilies.bsd;
    isDarwin.kernel.families.darwin = lib.systems.parse.kernelFamilies.darwin;
    isUnix = [
      isBSD
      isDarwin
      isLinux
      isSunOS
      isCygwin
      isRedox
    ];

    isMacOS = kernel "macos";
    isiOS = kernel "ios";
    isLinux = kernel "linux";
    isSunOS = kernel "solaris";
    # a version may be part of it
    isFreeBSD.kernel.name = "freebsd";
    isNetBSD = kernel "netbsd";
    isOpenBSD = kernel "openbsd";
    isWindows = kernel "windows";
    isCygwin = kernel "cygwin";
    isMinGW = both isWindows { abi = abis.gnu; } // {
      abi = removeAttrs abis.gnu [ "assertions" ];
    };
    isMsvc = both isWindows { abi = abis.msvc; };
    isWasi = kernel "wasi";
    isRedox = kernel "redox";
    isGhcjs = kernel "ghcjs";
    isGenode = kernel "genode";
    isNone = kernel "none";
    isUefi = [ (kernel "uefi") ];

    ## ABIs
    isAndroid = [
      { abi = removeAttrs abis.android [ "assertions" ]; }
      { abi = abis.androideabi; }
    ];
    isGnu =
      abi [
        "gnuabi64"
        "gnuabin32"
      ]
      ++ [ { abi = removeAttrs abis.gnu [ "assertions" ]; } ]
      ++ abi [
        "gnueabi"
        "gnueabihf"
        "gnuabielfv1"
        "gnuabielfv2"
      ];
    isMusl = abi [
      "musl"
      "musleabi"
      "musleabihf"
      "muslabin32"
      "muslabi64"
    ];
    isUClibc = abi [
      "uclibc"
      "uclibceabi"
      "uclibceabihf"
    ];
    isEabi.abi.eabi = true;

    ## Firmware and program formats
    isEfi =
      map
        (version: {
          cpu = {
            family = "arm";
            inherit version;
          };
        })
        [
          "6"
          "7"
          "8"
        ]
      ++ [
        (family "riscv")
        (family "x86")
        (family "loongarch")
      ];
    isElf = format "elf";
    isMacho = format "macho";
    isPE = format "pe";
  };

  /**
    Patterns of whole platforms, with what isn't in the parsed system.

    # Type
    `platformPatterns :: { [String] :: AttrSet }`
  */
  platformPatterns.isStatic = {
    parsed = { };
    isStatic = true;
  };

  /**
    A function that tells whether a set is what a pattern says, or any of a list of patterns.

    # Type
    `matchAnyAttrs :: AttrSet | [ AttrSet ] -> AttrSet -> Bool`
  */
  matchAnyAttrs =
    patterns:
    if builtins.isList patterns then
      attrs: builtins.any (pattern: lib.attrsets.matchAttrs pattern attrs) patterns
    else
      lib.attrsets.matchAttrs patterns;

  /**
    A pattern for what both of two patterns say; an error if they contradict each other.

    # Type
    `patternLogicalAnd :: AttrSet | [ AttrSet ] -> AttrSet | [ AttrSet ] -> AttrSet | [ AttrSet ]`

    # Example
    ```nix
    with systems.inspect; patternLogicalAnd { cpu.bits = 64; } { cpu.family = "x86"; }
    => [ { cpu = { bits = 64; family = "x86"; }; } ]
    ```
  */
  patternLogicalAnd =
    pat1: pat2:
    let
      join = lib.attrsets.recursiveUpdateUntil (
        path: l: r:
        if (builtins.isAttrs l && builtins.isAttrs r) || l == r then
          false
        else
          throw ''
            pattern conflict at path ${toString path}:
              ${builtins.toJSON l}
              ${builtins.toJSON r}
          ''
      );
    in
    builtins.concatMap (a: map (b: join a b) (toList pat2)) (toList pat1);

  /**
    For each pattern, whether a parsed system is what it says.

    # Type
    `predicates :: { [String] :: System -> Bool }`

    # Example
    ```nix
    systems.inspect.predicates.isLinux (systems.parse.mkSystemFromString "x86_64-linux")
    => true
    ```
  */
  predicates = builtins.mapAttrs (_: matchAnyAttrs) patterns;
}
