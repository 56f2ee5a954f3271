# Packages seeded from Debian's archive: one derivation a unit of ../../debian.lock (see ../../README-debian.md).
#
# `units.NAME` is the plain unit; `overrides.nix` says what single units need beyond that (wrappers, links, licences).
{ lib, lockFile ? ../../debian.lock, config ? { } }:
let
  lock = builtins.fromJSON (builtins.readFile lockFile);

  # Store names know neither `~` nor `:`.
  storeName = builtins.replaceStrings [ "~" ":" ] [ "_" "_" ];

  mirrors = config.debianMirrors or lock.mirrors;

  # A file of the archive; the hash decides, not the mirror.
  fetchFile = { path, sha256, ... }:
    let urls = map (mirror: mirror + path) mirrors;
    in derivation {
      name = storeName (baseNameOf path);
      system = "builtin";
      builder = "builtin:fetchurl";
      url = builtins.head urls;
      inherit urls;
      outputHashMode = "flat";
      outputHashAlgo = "sha256";
      outputHash = sha256;
      executable = false;
      unpack = false;
      preferLocalBuild = true;
      # Which package of the lock this is: what a vanished pin's message names.
      impureEnvVars = [ "http_proxy" "https_proxy" "ftp_proxy" "all_proxy" "no_proxy" ];
    };

  fetched = lib.mapAttrs (_: fetchFile) lock.packages;

  overrides = import ./overrides.nix { inherit lib; units = drvs; };

  makeUnit = name: unit:
    let
      main = lock.packages.${builtins.head unit.packages};
      version = storeName main.version;
      own = overrides.${name} or { };
      drv = derivation ({
        name = "${name}-${version}";
        pname = name;
        inherit version;
        system = "builtin";
        builder = "builtin:unpack-deb";
        relocation = "1";
        debs = map (p: fetched.${p}) unit.packages;
        deps = map (u: drvs.${u}) unit.depends ++ own.deps or [ ];
        essential = map (u: drvs.${u}) (unit.essential or lock.essential);
        preferLocalBuild = true;
        allowSubstitutes = true;
      } // removeAttrs own [ "meta" "passthru" "deps" ]);
    in
    withPackageInterface {
      inherit drv version;
      pname = name;
      passthru = { debianPackages = unit.packages; } // own.passthru or { };
      meta = {
        description = main.description or name;
        homepage = main.homepage or "https://packages.debian.org/trixie/${name}";
        mainProgram = name;
        platforms = [ "x86_64-linux" ];
        priority = 5;
        outputsToInstall = [ "out" ];
        available = true;
        broken = false;
        unfree = false;
        insecure = false;
        unsupported = false;
      } // own.meta or { };
    };

  # What every package offers besides its derivation. A seed has nothing to override: its bytes are pinned.
  withPackageInterface = { drv, pname, version, passthru, meta }:
    drv // passthru // {
      inherit meta passthru;
      inherit pname version;
      overrideAttrs = _: throw "${pname} is a seed: its bytes come from Debian and have no attributes to override; use symlinkJoin or a package that is built from source";
      override = _: throw "${pname} is a seed: it takes no arguments to override";
    };

  drvs = lib.mapAttrs makeUnit lock.units;
in
{
  inherit lock fetchFile storeName;
  units = drvs;

  # The files of a source package, fetched: { "hello_2.10.orig.tar.gz" = «derivation»; … }
  sources = lib.mapAttrs
    (_: source: { inherit (source) version; } // builtins.listToAttrs
      (map (file: { name = baseNameOf file.path; value = fetchFile file; }) source.files))
    lock.sources;
}
