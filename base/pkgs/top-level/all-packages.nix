# The package set: names that users of Nix know, each once. `final` is the set with all overlays.
{ lib, config, system, platform }:
final:
let
  inherit (final) callPackage;
  debian = import ../debian { inherit lib config; };
  units = debian.units;

  stdenvs = import ../stdenv { inherit lib config system units platform; cc = final.gcc; };
  machine = import ./machine-packages.nix { inherit lib units; };
  trivial = import ../build-support/trivial-builders { inherit lib units; inherit (final) stdenv stdenvNoCC; };
  fetchers = import ../build-support/fetchers { inherit lib units system; inherit (final) stdenvNoCC; };

  toolchainPrograms = prefix: {
    gcc = "${prefix}gcc-14"; cc = "${prefix}gcc-14"; "g++" = "${prefix}g++-14"; "c++" = "${prefix}g++-14"; cpp = "${prefix}cpp-14";
    x86_64-linux-gnu-gcc = "${prefix}gcc-14"; "x86_64-linux-gnu-g++" = "${prefix}g++-14";
  };
in
import ./debian-names.nix { inherit lib units; inherit (final) runCommandLocal; } // trivial // fetchers // machine final // {
  inherit lib config units;
  inherit (stdenvs) stdenv stdenvNoCC;
  inherit (debian) lock;
  debianSources = debian.sources;
  sources = debian.sources;
  inherit system;
  hostPlatform = platform;
  buildPlatform = platform;
  targetPlatform = platform;
  pkgs = final;
  path = ../..;

  newScope = extra: lib.callPackageWith (final // extra);
  callPackage = lib.callPackageWith final;
  # One machine builds and runs: its packages are those for every role.
  buildPackages = final;
  targetPackages = final;
  pkgsBuildBuild = final;
  pkgsBuildHost = final;
  pkgsBuildTarget = final;
  pkgsHostHost = final;
  pkgsHostTarget = final;
  pkgsTargetTarget = final;
  inherit (lib) recurseIntoAttrs dontRecurseIntoAttrs;
  callPackages = lib.callPackagesWith final;
  mkDerivation = final.stdenv.mkDerivation;

  # Compiler and tools
  gcc = import ../build-support/cc-wrapper {
    inherit lib system units;
    toolchain = units.gcc;
    inherit (units) binutils;
    libc = units.libc6;
    libcDev = units.libc6-dev;
    runtimeLibs = [ units.libc6 units."libstdc++6" ];
    programs = toolchainPrograms "${units.gcc}/bin/x86_64-linux-gnu-";
  };
  cc = final.gcc;
  gcc-unwrapped = units.gcc;
  binutils = final.gcc;
  binutils-unwrapped = units.binutils;
  makeWrapper = callPackage ../build-support/make-wrapper { inherit units; };
  makeShellWrapper = final.makeWrapper;
  mkShell = import ../build-support/mk-shell { inherit lib; inherit (final) stdenv; };
  mkShellNoCC = import ../build-support/mk-shell { inherit lib; stdenv = final.stdenvNoCC; };
  writers = callPackage ../build-support/writers { };
  formats = callPackage ../formats { };
  buildEnv = import ../build-support/build-env { inherit lib; inherit (final) stdenvNoCC symlinkJoin; };

  # Seeds under the names that users know
  bashNonInteractive = units.bash;
  bash-static = units.bash-static;
  busybox = units.busybox-static;
  runtimeShellPackage = units.bash;
  coreutils = units.coreutils;
  findutils = units.findutils;
  diffutils = units.diffutils;
  gnused = units.sed;
  gnugrep = units.grep;
  gawk = units.gawk;
  gnutar = units.tar;
  gnumake = units.make;
  gnupatch = units.patch;
  glibc = units.libc6;
  xz = units.xz-utils;
  pkg-config = units.pkgconf;
  cacert = units.ca-certificates;
  inherit (units) gzip bzip2 file patchelf dash tree cowsay curl git jq zstd unzip openssh-client;
  openssh = units.openssh-client;

  # Built from source
  hello = callPackage ../applications/hello { };

  # An environment that has just these packages' programs, as the commands of the field expect it.
  symlinkJoin = trivial.symlinkJoin;
}
