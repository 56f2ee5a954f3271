# Platforms to cross-compile for, as arguments of `lib.systems.elaborate`.
{ lib }:
let
  platforms = import ./platforms.nix { inherit lib; };

  # Programs that run on the machine itself, with the C library newlib.
  bare = config: {
    inherit config;
    libc = "newlib";
  };

  llvm = config: {
    inherit config;
    useLLVM = true;
  };
in
{
  ## Linux, GNU C library

  aarch64-multiplatform.config = "aarch64-unknown-linux-gnu";
  arc.config = "arc-unknown-linux-gnu";
  armv5tel-multiplatform.config = "armv5tel-unknown-linux-gnueabi";
  armv7l-hf-multiplatform.config = "armv7l-unknown-linux-gnueabihf";
  bluefield2 = { config = "aarch64-unknown-linux-gnu"; } // platforms.bluefield2;
  fuloongminipc = { config = "mipsel-unknown-linux-gnu"; } // platforms.fuloong2f_n32;
  gnu32.config = "i686-unknown-linux-gnu";
  gnu64.config = "x86_64-unknown-linux-gnu";
  loongarch64-linux = { config = "loongarch64-unknown-linux-gnu"; } // platforms.loongarch64-multiplatform;
  loongarch64-linux-embedded = { config = "loongarch64-unknown-linux-gnu"; gcc = { arch = "loongarch64"; cmodel = "medium"; strict-align = true; }; };
  m68k.config = "m68k-unknown-linux-gnu";
  mips-linux-gnu = { config = "mips-unknown-linux-gnu"; } // platforms.gcc_mips32r2_o32;
  mips64-linux-gnuabi64 = { config = "mips64-unknown-linux-gnuabi64"; } // platforms.gcc_mips64r2_64;
  mips64-linux-gnuabin32 = { config = "mips64-unknown-linux-gnuabin32"; } // platforms.gcc_mips64r2_n32;
  mips64el-linux-gnuabi64 = { config = "mips64el-unknown-linux-gnuabi64"; } // platforms.gcc_mips64r2_64;
  mips64el-linux-gnuabin32 = { config = "mips64el-unknown-linux-gnuabin32"; } // platforms.gcc_mips64r2_n32;
  mipsel-linux-gnu = { config = "mipsel-unknown-linux-gnu"; } // platforms.gcc_mips32r2_o32;
  powernv.config = "powerpc64le-unknown-linux-gnu";
  ppc32 = { config = "powerpc-unknown-linux-gnu"; rust = { rustcTarget = "powerpc-unknown-linux-gnu"; }; };
  ppc64.config = "powerpc64-unknown-linux-gnuabielfv2";
  ppc64-elfv1.config = "powerpc64-unknown-linux-gnuabielfv1";
  ppc64-elfv2.config = "powerpc64-unknown-linux-gnuabielfv2";
  raspberryPi = { config = "armv6l-unknown-linux-gnueabihf"; } // platforms.raspberrypi;
  remarkable1 = { config = "armv7l-unknown-linux-gnueabihf"; } // platforms.zero-gravitas;
  remarkable2 = { config = "armv7l-unknown-linux-gnueabihf"; } // platforms.zero-sugar;
  riscv32.config = "riscv32-unknown-linux-gnu";
  riscv64.config = "riscv64-unknown-linux-gnu";
  s390.config = "s390-unknown-linux-gnu";
  s390x.config = "s390x-unknown-linux-gnu";
  sh4.config = "sh4-unknown-linux-gnu";

  ## Linux, musl and uClibc

  aarch64-multiplatform-musl.config = "aarch64-unknown-linux-musl";
  ben-nanonote = { config = "mipsel-unknown-linux-uclibc"; } // platforms.ben_nanonote;
  musl-power.config = "powerpc64le-unknown-linux-musl";
  musl32.config = "i686-unknown-linux-musl";
  musl64.config = "x86_64-unknown-linux-musl";
  muslpi = { config = "armv6l-unknown-linux-musleabihf"; } // platforms.raspberrypi;
  ppc64-musl = { config = "powerpc64-unknown-linux-musl"; gcc = { abi = "elfv2"; }; };
  riscv64-musl.config = "riscv64-unknown-linux-musl";

  ## Android

  aarch64-android = { androidNdkVersion = "27"; androidSdkVersion = "35"; config = "aarch64-unknown-linux-android"; libc = "bionic"; useAndroidPrebuilt = false; useLLVM = true; };
  aarch64-android-prebuilt = { androidNdkVersion = "27"; androidSdkVersion = "35"; config = "aarch64-unknown-linux-android"; rust = { rustcTarget = "aarch64-linux-android"; }; useAndroidPrebuilt = true; };
  armv7a-android-prebuilt = { androidNdkVersion = "27"; androidSdkVersion = "35"; config = "armv7a-unknown-linux-androideabi"; rust = { rustcTarget = "armv7-linux-androideabi"; }; useAndroidPrebuilt = true; } // platforms.armv7a-android;

  ## No operating system

  aarch64-embedded = { config = "aarch64-none-elf"; libc = "newlib"; rust = { rustcTarget = "aarch64-unknown-none"; }; };
  aarch64-unknown-uefi = { config = "aarch64-unknown-uefi"; libc = null; linker = "lld"; useLLVM = true; };
  aarch64be-embedded = bare "aarch64_be-none-elf";
  arm-embedded = bare "arm-none-eabi";
  arm-embedded-nano = { config = "arm-none-eabi"; libc = "newlib-nano"; };
  armhf-embedded = { config = "arm-none-eabihf"; gcc = { arch = "armv5t"; fpu = "vfp"; }; libc = "newlib"; };
  avr.config = "avr";
  i686-embedded = bare "i686-elf";
  microblaze-embedded = bare "microblazeel-none-elf";
  mips-embedded = bare "mips-none-elf";
  mips64-embedded = bare "mips64-none-elf";
  mmix = bare "mmix-unknown-mmixware";
  msp430 = bare "msp430-elf";
  or1k = bare "or1k-elf";
  ppc-embedded = bare "powerpc-none-eabi";
  ppcle-embedded = bare "powerpcle-none-eabi";
  riscv32-embedded = bare "riscv32-none-elf";
  riscv64-embedded = bare "riscv64-none-elf";
  rx-embedded = bare "rx-none-elf";
  vc4 = bare "vc4-elf";
  x86_64-embedded = bare "x86_64-elf";
  x86_64-unknown-uefi = { config = "x86_64-unknown-uefi"; libc = null; linker = "lld"; useLLVM = true; };

  ## Windows

  aarch64-windows = llvm "aarch64-pc-windows-msvc";
  mingw-msvcrt-i686 = { config = "i686-w64-mingw32"; libc = "msvcrt"; };
  mingw-msvcrt-x86_64 = { config = "x86_64-w64-mingw32"; libc = "msvcrt"; };
  mingw-ucrt-aarch64 = { config = "aarch64-w64-mingw32"; libc = "ucrt"; rust = { rustcTarget = "aarch64-pc-windows-gnullvm"; }; useLLVM = true; };
  mingw-ucrt-x86_64 = { config = "x86_64-w64-mingw32"; libc = "ucrt"; };
  mingw-ucrt-x86_64-llvm = { config = "x86_64-w64-mingw32"; libc = "ucrt"; rust = { rustcTarget = "x86_64-pc-windows-gnullvm"; }; useLLVM = true; };
  mingw32 = { config = "i686-w64-mingw32"; libc = "msvcrt"; };
  mingwW64 = { config = "x86_64-w64-mingw32"; libc = "msvcrt"; };
  ucrt64 = { config = "x86_64-w64-mingw32"; libc = "ucrt"; };
  ucrtAarch64 = { config = "aarch64-w64-mingw32"; libc = "ucrt"; rust = { rustcTarget = "aarch64-pc-windows-gnullvm"; }; useLLVM = true; };
  x86_64-cygwin.config = "x86_64-pc-cygwin";
  x86_64-windows = llvm "x86_64-pc-windows-msvc";

  ## Apple

  aarch64-darwin = { config = "arm64-apple-darwin"; platform = { }; xcodePlatform = "MacOSX"; };
  iphone64 = { config = "arm64-apple-ios"; darwinSdkVersion = "14.3"; useiOSPrebuilt = true; xcodePlatform = "iPhoneOS"; xcodeVer = "12.3"; };
  iphone64-simulator = { config = "x86_64-apple-ios"; darwinPlatform = "ios-simulator"; darwinSdkVersion = "14.3"; useiOSPrebuilt = true; xcodePlatform = "iPhoneSimulator"; xcodeVer = "12.3"; };
  x86_64-darwin = { config = "x86_64-apple-darwin"; platform = { }; xcodePlatform = "MacOSX"; };

  ## BSD

  aarch64-freebsd = llvm "aarch64-unknown-freebsd";
  x86_64-freebsd = llvm "x86_64-unknown-freebsd";
  x86_64-netbsd.config = "x86_64-unknown-netbsd";
  x86_64-netbsd-llvm = llvm "x86_64-unknown-netbsd";
  x86_64-openbsd = llvm "x86_64-unknown-openbsd";

  ## Virtual machines

  ghcjs.config = "javascript-unknown-ghcjs";
  wasi32 = llvm "wasm32-unknown-wasi";
  wasm32-unknown-none = { config = "wasm32-unknown-none"; rust = { rustcTarget = "wasm32-unknown-unknown"; }; useLLVM = true; };
}
