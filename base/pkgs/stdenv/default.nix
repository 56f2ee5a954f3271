# The standard build environment, made of seeds: bash, the usual Unix tools, GCC behind a wrapper.
{ lib, config, system, units, cc, platform }:
let
  shell = "${units.bash}/bin/bash";

  # The tools that every build may use without naming them.
  initialPath = map (name: units.${name}) [
    "coreutils" "findutils" "diffutils" "sed" "grep" "gawk" "tar" "gzip" "bzip2" "make" "bash" "patch" "xz-utils" "file"
  ];

  setupParts = [
    ./setup/10-core.sh ./setup/20-inputs.sh ./setup/30-substitute.sh ./setup/40-phases.sh ./setup/50-fixup.sh ./setup/60-run.sh
  ];

  make = { cc, name ? "stdenv-linux" }:
    let
      hasCC = cc != null;
      drv = derivation {
        inherit name system shell;
        builder = shell;
        args = [ "-e" ./make-stdenv.sh ];
        PATH = "${units.coreutils}/bin";
        setup = setupParts;
        initialPath = initialPath;
        defaultNativeBuildInputs = [ units.patchelf ] ++ lib.optional hasCC cc;
        defaultBuildInputs = [ ];
        preferLocalBuild = true;
      };
      self = drv // {
        inherit system cc hasCC initialPath shell;
        inherit (import ./make-derivation.nix { inherit lib config; stdenv = self; checkMeta = import ./check-meta.nix { inherit lib config system; }; }) mkDerivation;
        shellPackage = units.bash;
        buildPlatform = platform;
        hostPlatform = platform;
        targetPlatform = platform;
        inherit (platform) isLinux isDarwin isx86_64 isAarch64 is64bit is32bit isi686 isx86_32 isAarch32 isBigEndian isLittleEndian isFreeBSD isCygwin;
        extraNativeBuildInputs = [ ];
        extraBuildInputs = [ ];
        allowedRequisites = null;
        override = args: make ({ inherit cc name; } // args);
        meta = { description = "The standard build environment"; platforms = [ system ]; };
      };
    in
    self;
in
{
  stdenv = make { inherit cc; };
  stdenvNoCC = make { cc = null; name = "stdenv-no-cc-linux"; };
}
