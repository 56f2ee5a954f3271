# What the tools of some programming languages call a platform.
{ lib }:
let
  inherit (lib.strings) replaceStrings toUpper;

  # What the tables say about the CPU's name or family.
  byCpu = table: platform: table.${platform.parsed.cpu.name} or null;
in
{
  /**
    Go: `GOARCH`, `GOOS`, `GOARM`.
  */
  go = platform: {
    GOARCH = byCpu {
      aarch64 = "arm64";
      arm = "arm";
      armv5tel = "arm";
      armv6l = "arm";
      armv7l = "arm";
      i686 = "386";
      loongarch64 = "loong64";
      mips = "mips";
      mipsel = "mipsle";
      mips64el = "mips64le";
      powerpc64 = "ppc64";
      powerpc64le = "ppc64le";
      riscv64 = "riscv64";
      s390x = "s390x";
      x86_64 = "amd64";
      wasm32 = "wasm";
    } platform;
    GOOS = if platform.isWasi then "wasip1" else platform.parsed.kernel.name;
    GOARM = toString (
      if platform.isAarch32 then lib.lists.intersectLists [ (platform.parsed.cpu.version or "") ] [
        "5"
        "6"
        "7"
      ] else [ ]
    );
  };

  /**
    Node: the folder names `arch` and `platform`.
  */
  node =
    platform:
    let
      arch =
        if platform.isAarch then
          "arm${lib.strings.optionalString platform.is64bit "64"}"
        else if platform.isMips32 then
          "mips${lib.strings.optionalString platform.isLittleEndian "el"}"
        else if platform.isMips64 && platform.isLittleEndian then
          "mips64el"
        else if platform.isPower then
          "ppc${lib.strings.optionalString platform.is64bit "64"}"
        else if platform.isx86_64 then
          "x64"
        else if platform.isx86_32 then
          "ia32"
        else if platform.isS390x then
          "s390x"
        else if platform.isRiscV64 then
          "riscv64"
        else if platform.isLoongArch64 then
          "loong64"
        else
          null;
    in
    {
      inherit arch;
      platform =
        if platform.isAndroid then
          "android"
        else if platform.isDarwin then
          "darwin"
        else if platform.isFreeBSD then
          "freebsd"
        else if platform.isOpenBSD then
          "openbsd"
        else if platform.isSunOS then
          "sunos"
        else if platform.isWindows || platform.isCygwin then
          "win32"
        else if platform.isLinux then
          "linux"
        else
          null;
    };

  /**
    Nim: `cpu` and `os`.
  */
  nim = platform: {
    cpu =
      if platform.isAarch64 then
        "arm64"
      else if platform.isAarch32 then
        "arm"
      else if platform.isx86_64 then
        "amd64"
      else if platform.isx86_32 then
        "i386"
      else if platform.isMips then
        "mips${lib.strings.optionalString platform.is64bit "64"}${
          lib.strings.optionalString platform.isLittleEndian "el"
        }"
      else if platform.isPower then
        "powerpc${lib.strings.optionalString platform.is64bit "64"}"
      else if platform.isRiscV64 then
        "riscv64"
      else if platform.isAvr then
        "avr"
      else if platform.isMsp430 then
        "msp430"
      else
        null;
    os =
      if platform.isAndroid then
        "Android"
      else if platform.isDarwin then
        "MacOSX"
      else if platform.isFreeBSD then
        "FreeBSD"
      else if platform.isGenode then
        "Genode"
      else if platform.isLinux then
        "Linux"
      else if platform.isNetBSD then
        "NetBSD"
      else if platform.isNone then
        "Standalone"
      else if platform.isOpenBSD then
        "OpenBSD"
      else if platform.isWindows then
        "Windows"
      else
        null;
  };

  /**
    Rust: the target's names, and what `cfg!` says of it. `args` is what the caller of `elaborate` gave.
  */
  rust =
    platform: args:
    let
      inherit (platform) parsed;
      given = args.rust or { };
      custom = given.platform or args.rustc.platform or { };

      arch = custom.arch or (
        if platform.isAarch32 then
          "arm"
        else if platform.isMips64 then
          "mips64"
        else if platform.isPower64 then
          "powerpc64"
        else
          parsed.cpu.name
      );

      os = custom.os or (
        if platform.isDarwin then
          "macos"
        else if platform.isWasm && !platform.isWasi then
          "unknown"
        else
          parsed.kernel.name
      );

      families =
        if custom ? target-family then
          if builtins.isList custom.target-family then custom.target-family else [ custom.target-family ]
        else if platform.isWasm then
          [ "wasm" ]
        else
          lib.lists.optional platform.isUnix "unix" ++ lib.lists.optional platform.isWindows "windows";

      vendor = custom.vendor or (if platform.isWindows then "pc" else parsed.vendor.name);

      cpu = custom.arch or (
        if platform.isAarch32 then
          {
            armv5tel = "armv5te";
            armv6l = "arm";
            armv7a = "armv7";
            armv7l = "armv7";
          }
          .${parsed.cpu.name} or parsed.cpu.name
        else if platform.isRiscV32 || platform.isRiscV64 then
          "${parsed.cpu.name}gc"
        else
          parsed.cpu.name
      );

      abi =
        if platform.isPower64 && platform.isGnu then
          "-gnu"
        else if parsed.abi.name == "unknown" then
          ""
        else
          "-${parsed.abi.name}";

      rustcTarget = given.rustcTarget or args.rustc.config or (
        if platform.isWasi then
          "${parsed.cpu.name}-wasip1"
        else
          "${cpu}-${vendor}-${parsed.kernel.name}${abi}"
      );

      # A target that rustc doesn't know is described by a file.
      rustcTargetSpec = given.rustcTargetSpec or (
        if custom == { } then
          rustcTarget
        else
          builtins.toFile "${rustcTarget}.json" (builtins.toJSON custom)
      );

      cargoShortTarget = lib.strings.removeSuffix ".json" (baseNameOf "${rustcTargetSpec}");
    in
    given
    // {
      platform = custom // {
        inherit arch os vendor;
        target-family = families;
      };
      inherit rustcTarget rustcTargetSpec cargoShortTarget;
      cargoEnvVarTarget = replaceStrings [ "-" "." ] [ "_" "_" ] (toUpper cargoShortTarget);
      # without an operating system there is no standard library
      isNoStdTarget = builtins.any (t: lib.strings.hasInfix t rustcTarget) [
        "-none"
        "nvptx"
        "switch"
        "-uefi"
      ];
    };
}
