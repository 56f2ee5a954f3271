# A C and C++ compiler that finds its headers, libraries and run paths in the store.
#
# Debian's GCC knows `/usr`; the wrapper tells it where the C library, the dynamic linker and the inputs are, and writes
# into every linked program where its libraries are found at run time.
{ lib, system, units, name ? "gcc-wrapper", toolchain, binutils, libc, libcDev, runtimeLibs, programs }:
let
  multiarch = "lib/x86_64-linux-gnu";
  version = toolchain.version;
in
derivation
  {
    name = "${name}-${version}";
    inherit system version;
    builder = "${units.bash}/bin/bash";
    args = [ "-e" ./make-wrapper.sh ];
    PATH = "${units.coreutils}/bin:${units.sed}/bin";
    shell = "${units.bash}/bin/bash";
    coreutils = units.coreutils;
    inherit toolchain binutils libc multiarch libcDev;
    runtimePath = lib.concatMapStringsSep ":" (unit: "${unit}/${multiarch}") runtimeLibs;
    dynamicLinker = "${libc}/${multiarch}/ld-linux-x86-64.so.2";
    programs = lib.mapAttrsToList (name: target: "${name}=${target}") programs;
    wrapperScript = ./wrapper.sh;
    ldScript = ./ld-wrapper.sh;
    setupHook = ./setup-hook.sh;
    preferLocalBuild = true;
  } // {
  inherit version libc;
  pname = name;
  cc = toolchain;
  bintools = binutils;
  isGNU = true;
  isClang = false;
  targetPrefix = "";
  meta = {
    description = "GNU Compiler Collection (wrapped so that it works in the store)";
    mainProgram = "cc";
    platforms = [ system ];
    priority = 10;
    outputsToInstall = [ "out" ];
  };
}
