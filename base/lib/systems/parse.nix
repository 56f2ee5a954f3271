# Names of systems: the short form of Nix (`x86_64-linux`) and the long form of GNU
# (`x86_64-unknown-linux-gnu`), taken apart into CPU, vendor, kernel and ABI, and put together again.
{ lib }:
let
  inherit (builtins)
    elemAt
    head
    length
    mapAttrs
    match
    ;
  inherit (lib.types) enum mkOptionType;

  tables = import ./tables.nix;
  inherit (tables)
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

  openType =
    name: mark:
    mkOptionType {
      inherit name;
      description = "${name} of a system";
      merge = lib.options.mergeOneOption;
      check = x: x._type or null == mark && builtins.isString x.name;
    };

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
  /**
    The orders of bytes: `bigEndian` and `littleEndian`.

    # Type
    `significantBytes :: { [String] :: SignificantByte }`

    # Example
    ```nix
    builtins.attrNames systems.parse.significantBytes
    => [ "bigEndian" "littleEndian" ]
    ```
  */
  inherit significantBytes;

  /**
    The CPUs, by name: `bits`, `significantByte`, `family`, and `version` and `arch` where there are some.

    # Type
    `cpuTypes :: { [String] :: CpuType }`

    # Example
    ```nix
    [ systems.parse.cpuTypes.armv7l.bits systems.parse.cpuTypes.armv7l.family ]
    => [ 32 "arm" ]
    ```
  */
  inherit cpuTypes;

  /**
    The vendors.

    # Type
    `vendors :: { [String] :: Vendor }`

    # Example
    ```nix
    systems.parse.vendors.apple.name
    => "apple"
    ```
  */
  inherit vendors;

  /**
    The formats of programs.

    # Type
    `execFormats :: { [String] :: ExecFormat }`

    # Example
    ```nix
    systems.parse.execFormats.elf.name
    => "elf"
    ```
  */
  inherit execFormats;

  /**
    The families of kernels: `bsd` and `darwin`.

    # Type
    `kernelFamilies :: { [String] :: KernelFamily }`

    # Example
    ```nix
    builtins.attrNames systems.parse.kernelFamilies
    => [ "bsd" "darwin" ]
    ```
  */
  inherit kernelFamilies;

  /**
    The kernels: `execFormat` and `families`.

    # Type
    `kernels :: { [String] :: Kernel }`

    # Example
    ```nix
    systems.parse.kernels.linux.execFormat.name
    => "elf"
    ```
  */
  inherit kernels;

  /**
    The ABIs, with what distinguishes them (`float`, `abi`) and `assertions` of where they can be used.

    # Type
    `abis :: { [String] :: Abi }`

    # Example
    ```nix
    systems.parse.abis.gnueabihf.float
    => "hard"
    ```
  */
  inherit abis;

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
