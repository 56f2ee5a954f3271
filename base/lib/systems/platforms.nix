# Settings of the compiler for boards and families of machines.
{ ... }:
rec {
  aarch64-multiplatform = { gcc = { arch = "armv8-a"; }; };
  apple-m1 = { gcc = { arch = "armv8.3-a+crypto+sha2+aes+crc+fp16+lse+simd+ras+rdm+rcpc"; cpu = "apple-a13"; }; };
  armv5tel-multiplatform = { gcc = { arch = "armv5te"; }; };
  armv7a-android = { gcc = { arch = "armv7-a"; float-abi = "softfp"; fpu = "vfpv3-d16"; }; };
  armv7l-hf-multiplatform = { gcc = { arch = "armv7-a"; fpu = "vfpv3-d16"; }; };
  ben_nanonote = { gcc = { arch = "mips32"; float = "soft"; }; };
  bluefield2 = { gcc = { arch = "armv8-a+fp+simd+crc+crypto"; }; };
  fuloong2f_n32 = { gcc = { abi = "n32"; arch = "loongson2f"; float = "hard"; }; };
  gcc_mips32r2_o32 = { gcc = { abi = "32"; arch = "mips32r2"; }; };
  gcc_mips32r6_o32 = { gcc = { abi = "32"; arch = "mips32r6"; }; };
  gcc_mips64r2_64 = { gcc = { abi = "64"; arch = "mips64r2"; }; };
  gcc_mips64r2_n32 = { gcc = { abi = "n32"; arch = "mips64r2"; }; };
  gcc_mips64r6_64 = { gcc = { abi = "64"; arch = "mips64r6"; }; };
  gcc_mips64r6_n32 = { gcc = { abi = "n32"; arch = "mips64r6"; }; };
  loongarch64-multiplatform = { gcc = { arch = "la64v1.0"; cmodel = "medium"; strict-align = false; }; };
  raspberrypi = { gcc = { arch = "armv6kz"; fpu = "vfpv2"; }; };
  raspberrypi2 = { gcc = { arch = "armv7-a"; fpu = "vfpv3-d16"; }; };
  zero-gravitas = { gcc = { cpu = "cortex-a9"; fpu = "neon"; }; };
  zero-sugar = { gcc = { cpu = "cortex-a7"; float-abi = "hard"; fpu = "neon-vfpv4"; }; };

  /**
    The settings for a platform that states none itself.

    # Type
    `select :: Platform -> AttrSet`
  */
  select =
    platform:
    let
      inherit (platform) isDarwin isAarch64;
      cpu = platform.parsed.cpu;
      version = cpu.version or "";
    in
    # x86 and most others: what the compiler does by itself is right.
    if isAarch64 then
      if isDarwin then apple-m1 else aarch64-multiplatform
    else if platform.isAarch32 then
      if version == "" then
        { }
      else if version == "5" then
        armv5tel-multiplatform
      else if version == "6" then
        raspberrypi
      else
        armv7l-hf-multiplatform
    else if platform.isLoongArch64 then
      loongarch64-multiplatform
    else if cpu.name == "mipsel" then
      { config = "mipsel-unknown-linux-gnu"; } // gcc_mips32r2_o32
    else
      { };
}
