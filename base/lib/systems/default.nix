# Systems: names of them, questions about them, and platforms with everything that builds need to know.
{ lib }:
let
  inherit (builtins) mapAttrs removeAttrs;

  parse = import ./parse.nix { inherit lib; };
  inspect = import ./inspect.nix { inherit lib; };
  platforms = import ./platforms.nix { inherit lib; };
  architectures = import ./architectures.nix { inherit lib; };
  languages = import ./languages.nix { inherit lib; };
  emulators = import ./emulators.nix { inherit lib; };

  # Attributes of a platform that are functions; they can't be compared.
  functionNames = [
    "canExecute"
    "emulator"
    "emulatorAvailable"
    "staticEmulatorAvailable"
  ];
in
rec {
  /**
    Names of systems taken apart and put together: see `lib.systems.parse`.

    # Type
    `parse :: { [String] :: Any }`
  */
  inherit parse;

  /**
    Questions about systems: see `lib.systems.inspect`.

    # Type
    `inspect :: { [String] :: Any }`
  */
  inherit inspect;

  /**
    What the kernel and GCC are told of well-known machines; `select` finds that of a platform.

    # Type
    `platforms :: { [String] :: AttrSet }`

    # Example
    ```nix
    systems.platforms.select (systems.elaborate "aarch64-darwin") == systems.platforms.apple-m1
    => true
    ```
  */
  inherit platforms;

  /**
    CPU types of GCC and what they can execute: see `lib.systems.architectures`.

    # Type
    `architectures :: { [String] :: Any }`
  */
  inherit architectures;

  /**
    The attributes of an elaborated system that are functions, which can't be compared.

    # Type
    `functionNames :: [ String ]`

    # Example
    ```nix
    builtins.all (name: builtins.isFunction (systems.elaborate "x86_64-linux").${name}) systems.functionNames
    => true
    ```
  */
  inherit functionNames;

  /**
    The short names of all systems (`all`), and of groups of them: `linux`, `darwin`, `x86_64`, `unix` …

    # Type
    `doubles :: { [String] :: [ String ] }`

    # Example
    ```nix
    builtins.elem "x86_64-linux" systems.doubles.linux
    => true
    ```
  */
  doubles = import ./doubles.nix { inherit lib; };

  /**
    Systems to build for, by a name that people use; each is an argument of `elaborate`.

    # Type
    `examples :: { [String] :: AttrSet }`

    # Example
    ```nix
    systems.examples.musl64.config
    => "x86_64-unknown-linux-musl"
    ```
  */
  examples = import ./examples.nix { inherit lib; };

  /**
    The systems for which a flake of packages has outputs.

    # Type
    `flakeExposed :: [ String ]`
  */
  flakeExposed = import ./flake-systems.nix { };

  /**
    A system's name as arguments of `elaborate`; a set comes back as it is.

    # Type
    `systemToAttrs :: String | AttrSet -> AttrSet`

    # Example
    ```nix
    systems.systemToAttrs "x86_64-linux"
    => { system = "x86_64-linux"; }
    ```
  */
  systemToAttrs = system: if builtins.isAttrs system then system else { inherit system; };

  /**
    Whether two platforms are the same in everything but their functions (which never are equal).

    # Type
    `equals :: Platform -> Platform -> Bool`

    # Example
    ```nix
    systems.equals (systems.elaborate "x86_64-linux") (systems.elaborate "x86_64-linux")
    => true
    ```
  */
  equals = a: b: a._withoutFunctions == b._withoutFunctions;

  /**
    A platform: everything that follows from a system's name, or from a set with `config` (the long name)
    or `system` (the short one) and whatever is to be different.

    # Type
    `elaborate :: String | AttrSet -> Platform`

    # Example
    ```nix
    with systems.elaborate "aarch64-linux"; [ config libc isAarch64 linuxArch ]
    => [ "aarch64-unknown-linux-gnu" "glibc" true "arm64" ]
    ```
  */
  elaborate =
    systemOrArgs:
    let
      given = systemToAttrs systemOrArgs;

      # A name that is given wins over what was made of another one before.
      parsed =
        if given ? config then
          parse.mkSystemFromString given.config
        else if given ? system then
          parse.mkSystemFromString given.system
        else
          given.parsed;

      args = removeAttrs given [
        "parsed"
        "system"
        "_withoutFunctions"
      ];

      final = base // predicates // features // args // { inherit rust; };

      predicates = mapAttrs (_: predicate: predicate parsed) inspect.predicates;
      features = mapAttrs (_: predicate: predicate (final.gcc.arch or "default")) architectures.predicates;
      rust = languages.rust final args;

      inherit (parsed) cpu kernel abi;

      base = {
        inherit parsed;
        # ABIs say themselves for which platforms they are not.
        system = builtins.foldl' (
          name: check: if check.assertion final then name else throw check.message
        ) (parse.doubleFromSystem parsed) (abi.assertions or [ ]);
        config = parse.tripleFromSystem parsed;

        ## Libraries and tools

        libc =
          if final.isDarwin then
            "libSystem"
          else if final.isMsvc then
            "ucrt"
          else if final.isMinGW then
            "msvcrt"
          else if final.isCygwin then
            "cygwin"
          else if final.isWasi then
            "wasilibc"
          else if final.isWasm && !final.isWasi || final.isGhcjs then
            null
          else if final.isRedox then
            "relibc"
          else if final.isMusl then
            "musl"
          else if final.isUClibc then
            "uclibc"
          else if final.isAndroid then
            "bionic"
          else if final.isLinux then
            "glibc"
          else if final.isFreeBSD then
            "fblibc"
          else if final.isOpenBSD then
            "oblibc"
          else if final.isNetBSD then
            "nblibc"
          else if final.isAvr then
            "avrlibc"
          else if final.isNone then
            "newlib"
          else
            "native/impure";

        linker =
          if final.useLLVM then
            "lld"
          else if final.isDarwin then
            "cctools"
          else
            "bfd";

        useLLVM = final.isFreeBSD || final.isOpenBSD;
        useAndroidPrebuilt = false;
        useiOSPrebuilt = false;
        isStatic = final.isWasi || final.isRedox;

        gcc = (platforms.select final).gcc or { };
        rustc = args.rustc or { };
        go = languages.go final;
        nim = languages.nim final;
        node = languages.node final;

        ## Files

        hasSharedLibraries =
          (
            final.isAndroid
            || final.isGnu
            || final.isMusl
            || final.isDarwin
            || final.isSunOS
            || final.isOpenBSD
            || final.isFreeBSD
            || final.isNetBSD
            || final.isCygwin
            || final.isMsvc
            || final.isWindows
            || (final.isWasm && !final.isWasi)
          )
          && !final.isStatic;

        extensions = {
          staticLibrary = if final.isWindows then ".lib" else ".a";
          library =
            if final.isStatic then final.extensions.staticLibrary else final.extensions.sharedLibrary;
          executable = if final.isWindows || final.isCygwin then ".exe" else "";
        }
        // (
          if final.hasSharedLibraries then
            {
              sharedLibrary =
                if final.isDarwin then
                  ".dylib"
                else if final.isWindows || final.isCygwin then
                  ".dll"
                else
                  ".so";
            }
          else
            { }
        );

        # Where the C library of a distribution has its 64-bit libraries.
        libDir =
          if !final.isLinux then
            null
          else if final.isx86_64 || final.isMips64 || final.isPower64 then
            "lib64"
          else
            "lib";

        ## Names that others use

        uname = {
          system =
            {
              linux = "Linux";
              windows = "Windows";
              darwin = "Darwin";
              netbsd = "NetBSD";
              freebsd = "FreeBSD";
              openbsd = "OpenBSD";
              wasi = "Wasi";
              redox = "Redox";
              genode = "Genode";
              cygwin = "CYGWIN_NT";
            }
            .${kernel.name} or null;
          processor =
            if final.isPower then
              "ppc${lib.strings.optionalString final.is64bit "64"}${
                lib.strings.optionalString final.isLittleEndian "le"
              }"
            else if final.isMips64 then
              # the byte order is not in its name
              "mips64"
            else if final.isDarwin then
              final.darwinArch
            else
              cpu.name;
          release = null;
        };

        qemuArch =
          if final.isAarch32 then
            "arm"
          else if final.isAarch64 then
            cpu.name
          else if final.isS390 && !final.isS390x then
            null
          else if final.isx86_64 then
            "x86_64"
          else if final.isx86 then
            "i386"
          else if final.isMips64n32 then
            "mipsn32${lib.strings.optionalString final.isLittleEndian "el"}"
          else
            {
              powerpc = "ppc";
              powerpcle = "ppcle";
              powerpc64 = "ppc64";
              powerpc64le = "ppc64le";
            }
            .${cpu.name} or cpu.name;

        linuxArch =
          if final.isAarch32 then
            "arm"
          else if final.isAarch64 then
            "arm64"
          else if final.isx86_32 then
            "i386"
          else if final.isx86_64 then
            "x86_64"
          else if final.isMicroBlaze then
            "microblaze"
          else if final.isMips32 || final.isMips64 then
            "mips"
          else if final.isPower then
            "powerpc"
          else if final.isRiscV then
            "riscv"
          else if final.isS390 then
            "s390"
          else if final.isLoongArch64 then
            "loongarch"
          else if final.isSh4 then
            "sh"
          else
            cpu.name;

        ubootArch =
          if final.isx86_32 then
            "x86"
          else if final.isMips64 then
            "mips64"
          else
            final.linuxArch;

        efiArch =
          if final.isx86_32 then
            "ia32"
          else if final.isx86_64 then
            "x64"
          else if final.isAarch32 then
            "arm"
          else if final.isAarch64 then
            "aa64"
          else
            cpu.name;

        ## Apple and Android

        darwinArch = parse.darwinArch cpu;
        darwinPlatform =
          if final.isMacOS then
            "macos"
          else if final.isiOS then
            "ios"
          else
            null;
        darwinSdkVersion = "14.4";
        darwinMinVersion = "14.0";
        darwinMinVersionVariable =
          if final.isMacOS then
            "MACOSX_DEPLOYMENT_TARGET"
          else if final.isiOS then
            "IPHONEOS_DEPLOYMENT_TARGET"
          else
            null;
        androidSdkVersion = null;
        androidNdkVersion = null;

        ## Running programs

        # Whether this platform runs another one's programs by itself.
        canExecute =
          platform:
          final.isAndroid == platform.isAndroid
          && parse.isCompatible cpu platform.parsed.cpu
          && kernel == platform.parsed.kernel
          && (
            # The compiler may have been told to use what not every CPU has.
            !(platform ? gcc.arch)
            || final ? gcc.arch && architectures.canExecute final.gcc.arch platform.gcc.arch
            || !(architectures.features ? ${platform.gcc.arch})
          );
      }
      // emulators final;
    in
    assert
      final.useAndroidPrebuilt -> final.isAndroid;
    final
    // {
      # What is compared; see `equals`.
      _withoutFunctions = removeAttrs final functionNames;
    };
}
