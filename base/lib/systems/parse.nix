# Names of systems: the short form of Nix (`x86_64-linux`) and the long form of GNU
# (`x86_64-unknown-linux-gnu`), taken apart into CPU, vendor, kernel and ABI, and put together again.
{ lib }:
let
  inherit (builtins)
    elemAt
    head
    length
    listToAttrs
    mapAttrs
    match
    ;
  inherit (lib.types) enum mkOptionType;

  # Marks a set as of some kind; spelled out, since option types are not needed for anything else here.
  setType = type: set: set // { _type = type; };

  # A table of parts: each gets its name and a mark of what it is.
  parts = type: mapAttrs (name: part: setType type ({ inherit name; } // part));

  openType =
    name: mark:
    mkOptionType {
      inherit name;
      description = "${name} of a system";
      merge = lib.options.mergeOneOption;
      check = x: x._type or null == mark && builtins.isString x.name;
    };

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

  # Whether all parts are there, of any table.
  isParsed =
    system:
    system.cpu._type == "cpu-type"
    && system.vendor._type == "vendor"
    && system.kernel._type == "kernel"
    && system.abi._type == "abi";

  lookUp =
    what: table: name:
    table.${name} or (throw "Unknown ${what}: ${name}");
in
rec {
  inherit
    significantBytes
    cpuTypes
    vendors
    execFormats
    kernelFamilies
    kernels
    abis
    ;

  /**
    Option types of the parts of a system, and of whole ones (`parsedPlatform`). The `open` ones accept parts
    that are in no table.

    # Type
    `types :: { [String] :: OptionType }`
  */
  types =
    mapAttrs (name: table: enum (builtins.attrValues table)) {
      significantByte = significantBytes;
      cpuType = cpuTypes;
      vendor = vendors;
      execFormat = execFormats;
      kernelFamily = kernelFamilies;
      kernel = kernels;
      abi = abis;
    }
    // mapAttrs openType {
      openSignificantByte = "significant-byte";
      openCpuType = "cpu-type";
      openVendor = "vendor";
      openExecFormat = "exec-format";
      openKernelFamily = "exec-format";
      openKernel = "kernel";
      openAbi = "abi";
    }
    // {
      bitWidth = enum [
        8
        16
        32
        64
        128
      ];
      parsedPlatform = mkOptionType {
        name = "system";
        description = "fully parsed representation of a system";
        merge = lib.options.mergeOneOption;
        check = isParsed;
      };
    };

  /**
    Whether a CPU runs programs that were built for another one.

    # Type
    `isCompatible :: CpuType -> CpuType -> Bool`

    # Example
    ```nix
    with systems.parse; [ (isCompatible cpuTypes.x86_64 cpuTypes.i686) (isCompatible cpuTypes.i686 cpuTypes.x86_64) ]
    => [ true false ]
    ```
  */
  isCompatible = a: b: runs a.name b.name;

  /**
    Whether a value is a parsed system.

    # Type
    `isSystem :: Any -> Bool`
  */
  isSystem = value: value._type or null == "system";

  /**
    A parsed system from its four parts, which are checked.

    # Type
    `mkSystem :: { cpu, vendor, kernel, abi } -> System`
  */
  mkSystem =
    components:
    assert isParsed components;
    setType "system" components;

  /**
    The four parts of a system's name, as strings, from the pieces between its hyphens. Parts that aren't
    said are missing.

    # Type
    `mkSkeletonFromList :: [ String ] -> { cpu :: String; kernel :: String; vendor? :: String; abi? :: String; }`

    # Example
    ```nix
    systems.parse.mkSkeletonFromList [ "arm" "none" "eabi" ]
    => { abi = "eabi"; cpu = "arm"; kernel = "none"; }
    ```
  */
  mkSkeletonFromList =
    l:
    let
      size = length l;
      cpu = head l;
      second = elemAt l 1;
      third = elemAt l 2;

      # "darwin20" and the like: a version that says nothing here; and ways in which GNU writes things.
      system =
        name:
        if match "(darwin|netbsdelf|netbsd)[0-9.]*" name != null then
          { kernel = if match "darwin.*" name != null then "darwin" else "netbsd"; }
        else if name == "mingw32" then
          {
            kernel = "windows";
            abi = "gnu";
          }
        else if kernels ? ${name} then
          { kernel = name; }
        else if abis ? ${name} && name != "unknown" then
          {
            kernel = "none";
            abi = name;
          }
        else
          { kernel = name; };

      ambiguous = throw "system string '${builtins.concatStringsSep "-" l}' with ${toString size} components is ambiguous";
    in
    if size == 1 then
      # a name of GNU's
      if cpu == "avr" then
        {
          inherit cpu;
          kernel = "none";
          abi = "unknown";
        }
      else
        ambiguous
    else if size == 2 then
      if second == "mingw32" then ambiguous else { inherit cpu; } // system second
    else if size == 3 then
      if (kernels ? ${second} || second == "none") && abis ? ${third} && third != "unknown" then
        if second == "linux" || second == "none" then
          {
            inherit cpu;
            kernel = second;
            abi = third;
          }
        else
          ambiguous
      else
        {
          inherit cpu;
          vendor = second;
        }
        // system third
    else if size == 4 then
      {
        inherit cpu;
        vendor = second;
        kernel = third;
        abi = elemAt l 3;
      }
    else
      throw "system string '${builtins.concatStringsSep "-" l}' has invalid number of hyphen-separated components";

  /**
    A parsed system from the names of its parts; vendor and ABI follow from the others where they are missing.

    # Type
    `mkSystemFromSkeleton :: { cpu :: String; kernel :: String; vendor? :: String; abi? :: String; } -> System`
  */
  mkSystemFromSkeleton =
    args:
    let
      cpu = lookUp "CPU type" cpuTypes args.cpu;
      kernel = lookUp "kernel" kernels args.kernel;

      vendor =
        if args ? vendor then
          lookUp "vendor" vendors args.vendor
        else if kernel.families ? darwin then
          vendors.apple
        else if kernel.name == "windows" || kernel.name == "cygwin" then
          vendors.pc
        else
          vendors.unknown;

      abi =
        if args ? abi then
          lookUp "ABI" abis args.abi
        else if kernel.name == "windows" then
          abis.msvc
        else if kernel.name != "linux" then
          abis.unknown
        else if cpu.family == "arm" && cpu.bits == 32 then
          if lib.strings.versionAtLeast (cpu.version or "0") "6" then abis.gnueabihf else abis.gnueabi
        else if cpu.name == "powerpc64" then
          abis.gnuabielfv1
        else
          abis.gnu;
    in
    mkSystem {
      inherit
        cpu
        vendor
        kernel
        abi
        ;
    };

  /**
    A parsed system from its name, of either form.

    # Type
    `mkSystemFromString :: String -> System`

    # Example
    ```nix
    (systems.parse.mkSystemFromString "x86_64-linux").abi.name
    => "gnu"
    ```
  */
  mkSystemFromString =
    s: mkSystemFromSkeleton (mkSkeletonFromList (lib.strings.splitString "-" s));

  /**
    A kernel's name, with its version if it has one.

    # Type
    `kernelName :: Kernel -> String`
  */
  kernelName = kernel: kernel.name + toString (kernel.version or "");

  /**
    Apple's name of a CPU.

    # Type
    `darwinArch :: CpuType -> String`
  */
  darwinArch = cpu: if cpu.name == "aarch64" then "arm64" else cpu.name;

  /**
    The short name of a system, as Nix uses it.

    # Type
    `doubleFromSystem :: System -> String`

    # Example
    ```nix
    with systems.parse; doubleFromSystem (mkSystemFromString "x86_64-unknown-linux-musl")
    => "x86_64-linux"
    ```
  */
  doubleFromSystem =
    {
      cpu,
      kernel,
      ...
    }:
    if kernel.families ? darwin then "${cpu.name}-darwin" else "${cpu.name}-${kernelName kernel}";

  /**
    The format of programs that GNU's tools assume for NetBSD on a CPU.

    # Type
    `gnuNetBSDDefaultExecFormat :: CpuType -> ExecFormat`
  */
  gnuNetBSDDefaultExecFormat =
    cpu:
    if
      cpu.bits == 32
      && builtins.elem cpu.family [
        "arm"
        "sparc"
        "m68k"
        "x86"
      ]
    then
      execFormats.aout
    else
      execFormats.elf;

  /**
    The long name of a system, as GNU's tools use it.

    # Type
    `tripleFromSystem :: System -> String`

    # Example
    ```nix
    with systems.parse; tripleFromSystem (mkSystemFromString "x86_64-linux")
    => "x86_64-unknown-linux-gnu"
    ```
  */
  tripleFromSystem =
    {
      cpu,
      vendor,
      kernel,
      abi,
      ...
    }@sys:
    let
      cpuName = if kernel.families ? darwin then darwinArch cpu else cpu.name;
      format =
        if kernel.name == "netbsd" && gnuNetBSDDefaultExecFormat cpu != kernel.execFormat then
          kernel.execFormat.name
        else
          "";
      abiName = if abi.name == "unknown" then "" else "-${abi.name}";
    in
    assert isSystem sys;
    "${cpuName}-${vendor.name}-${kernelName kernel}${format}${abiName}";

  /**
    The system with the corresponding ABI of musl.

    # Type
    `mkMuslSystem :: System -> System`
  */
  mkMuslSystem =
    parsed:
    parsed
    // {
      abi =
        {
          gnu = abis.musl;
          gnueabi = abis.musleabi;
          gnueabihf = abis.musleabihf;
          gnuabin32 = abis.muslabin32;
          gnuabi64 = abis.muslabi64;
          gnuabielfv1 = abis.musl;
          gnuabielfv2 = abis.musl;
          # what has no C library of its own yet
          unknown = abis.musl;
        }
        .${parsed.abi.name} or parsed.abi;
    };
}
