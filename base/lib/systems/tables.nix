# What the parts of a system's name may be: CPUs, vendors, kernels, ABIs and the formats of programs; and which CPU runs whose
# programs.
let
  inherit (builtins) listToAttrs mapAttrs;

  # Marks a set as of some kind; spelled out, since option types are not needed for anything else here.
  setType = type: set: set // { _type = type; };

  # A table of parts: each gets its name and a mark of what it is.
  parts = type: mapAttrs (name: part: setType type ({ inherit name; } // part));

  little = {
    significantByte = significantBytes.littleEndian;
  };
  big = {
    significantByte = significantBytes.bigEndian;
  };

  cpu = family: bits: more: { inherit family bits; } // more;
  arm = version: arch: cpu "arm" 32 (little // { inherit version arch; });
  arm64 = cpu "arm" 64 {
    version = "8";
    arch = "armv8-a";
  };
  x86 = arch: cpu "x86" 32 (little // { inherit arch; });

  significantBytes = parts "significant-byte" {
    bigEndian = { };
    littleEndian = { };
  };

  cpuTypes = parts "cpu-type" {
    arm = cpu "arm" 32 little;
    armv5tel = arm "5" "armv5t";
    armv6m = arm "6" "armv6-m";
    armv6l = arm "6" "armv6";
    armv7a = arm "7" "armv7-a";
    armv7r = arm "7" "armv7-r";
    armv7m = arm "7" "armv7-m";
    armv7l = arm "7" "armv7";
    armv8a = arm "8" "armv8-a";
    armv8r = arm "8" "armv8-a";
    armv8m = arm "8" "armv8-m";
    aarch64 = arm64 // little;
    aarch64_be = arm64 // big;
    # Apple's name for the same
    arm64 = arm64 // little // { name = "aarch64"; };

    i386 = x86 "i386";
    i486 = x86 "i486";
    i586 = x86 "i586";
    i686 = x86 "i686";
    x86_64 = cpu "x86" 64 (little // { arch = "x86-64"; });

    alpha = cpu "alpha" 64 little;
    arc = cpu "arc" 32 little;
    avr = cpu "avr" 8 { };
    javascript = cpu "javascript" 32 little;
    loongarch64 = cpu "loongarch" 64 little;
    m68k = cpu "m68k" 32 big;
    microblaze = cpu "microblaze" 32 big;
    microblazeel = cpu "microblaze" 32 little;
    mips = cpu "mips" 32 big;
    mipsel = cpu "mips" 32 little;
    mips64 = cpu "mips" 64 big;
    mips64el = cpu "mips" 64 little;
    mmix = cpu "mmix" 64 big;
    msp430 = cpu "msp430" 16 little;
    or1k = cpu "or1k" 32 big;
    powerpc = cpu "power" 32 big;
    powerpc64 = cpu "power" 64 big;
    powerpc64le = cpu "power" 64 little;
    powerpcle = cpu "power" 32 little;
    riscv32 = cpu "riscv" 32 little;
    riscv64 = cpu "riscv" 64 little;
    rx = cpu "rx" 32 little;
    s390 = cpu "s390" 32 big;
    s390x = cpu "s390" 64 big;
    sh4 = cpu "sh" 32 little;
    sparc = cpu "sparc" 32 big;
    sparc64 = cpu "sparc" 64 big;
    vc4 = cpu "vc4" 32 little;
    wasm32 = cpu "wasm" 32 little;
    wasm64 = cpu "wasm" 64 little;
  };

  vendors = parts "vendor" {
    apple = { };
    knuth = { };
    none = { };
    pc = { };
    unknown = { };
    w64 = { };
  };

  execFormats = parts "exec-format" {
    aout = { };
    elf = { };
    macho = { };
    pe = { };
    unknown = { };
    wasm = { };
  };

  # Families carry the mark of formats; code outside compares whole values.
  kernelFamilies = parts "exec-format" {
    bsd = { };
    darwin = { };
  };

  kernel = format: families: {
    execFormat = execFormats.${format};
    families = listToAttrs (
      map (name: {
        inherit name;
        value = kernelFamilies.${name};
      }) families
    );
  };

  kernels =
    let
      plain = parts "kernel" {
        cygwin = kernel "pe" [ ];
        darwin = kernel "macho" [ "darwin" ];
        freebsd = kernel "elf" [ "bsd" ];
        genode = kernel "elf" [ ];
        ghcjs = kernel "unknown" [ ];
        ios = kernel "macho" [ "darwin" ];
        linux = kernel "elf" [ ];
        mmixware = kernel "unknown" [ ];
        netbsd = kernel "elf" [ "bsd" ];
        none = kernel "unknown" [ ];
        openbsd = kernel "elf" [ "bsd" ];
        redox = kernel "elf" [ ];
        solaris = kernel "elf" [ ];
        uefi = kernel "pe" [ ];
        wasi = kernel "wasm" [ ];
        windows = kernel "pe" [ ];
      };
    in
    plain
    // {
      # other names of the same
      macos = plain.darwin;
      tvos = plain.ios;
      watchos = plain.ios;
      win32 = plain.windows;
    };

  soft = {
    eabi = true;
    float = "soft";
  };
  hard = {
    eabi = true;
    float = "hard";
  };

  abis = parts "abi" {
    android.assertions = [
      {
        assertion = platform: !platform.isAarch32;
        message = "The \"android\" ABI is not for 32-bit ARM. Use \"androideabi\" instead.\n";
      }
    ];
    androideabi.eabi = true;
    eabi = soft;
    eabihf = hard;
    elf = { };
    gnu.assertions = [
      {
        assertion = platform: !platform.isAarch32;
        message = "The \"gnu\" ABI is ambiguous on 32-bit ARM. Use \"gnueabi\" or \"gnueabihf\" instead.\n";
      }
      {
        assertion = platform: !(platform.isPower64 && platform.isBigEndian);
        message = "The \"gnu\" ABI is ambiguous on big-endian 64-bit PowerPC. Use \"gnuabielfv2\" or \"gnuabielfv1\" instead.\n";
      }
    ];
    gnuabi64.abi = "64";
    gnuabielfv1.abi = "elfv1";
    gnuabielfv2.abi = "elfv2";
    gnuabin32.abi = "n32";
    gnueabi = soft;
    gnueabihf = hard;
    msvc = { };
    musl = { };
    muslabi64.abi = "64";
    muslabin32.abi = "n32";
    musleabi = soft;
    musleabihf = hard;
    uclibc = { };
    uclibceabi = soft;
    uclibceabihf = hard;
    unknown = { };
  };

  # The CPU whose programs each CPU runs as well; what that one runs follows.
  runsAlso = {
    i486 = [ "i386" ];
    i586 = [ "i486" ];
    i686 = [ "i586" ];
    x86_64 = [ "i686" ];
    armv5tel = [ "arm" ];
    armv6l = [
      "armv5tel"
      "armv6m"
    ];
    armv7l = [ "armv6l" ];
    armv7a = [
      "armv7l"
      "armv7m"
    ];
    armv7r = [
      "armv7l"
      "armv7m"
    ];
    aarch64 = [ "armv8a" ];
    mips64 = [ "mips" ];
    mips64el = [ "mipsel" ];
    powerpc64 = [ "powerpc" ];
    powerpc64le = [ "powerpcle" ];
    sparc64 = [ "sparc" ];
  };

  runs = from: to: from == to || builtins.any (next: runs next to) (runsAlso.${from} or [ ]);
in
{
  inherit
    significantBytes
    cpuTypes
    vendors
    execFormats
    kernelFamilies
    kernels
    abis
    runs
    setType
    ;
}
