# Seeds under the names that users of nixpkgs know, where those differ from Debian's; all others are there under Debian's name.
{ lib, units, runCommandLocal }:
let
  # A unit whose programs have other names in Debian: { name in Debian = name that users know; }
  renamed = unit: programs: mainProgram:
    let
      links = runCommandLocal "${unit.pname}-${unit.version}" { } ''
        mkdir -p "$out/bin"
        ${lib.concatStrings (lib.mapAttrsToList (debian: name: ''
          [ -x ${unit}/bin/${debian} ]
          ln -s ${unit}/bin/${debian} "$out/bin/${name}"
        '') programs)}
        if [ -d ${unit}/share ]; then ln -s ${unit}/share "$out/share"; fi
      '';
    in
    links // {
      inherit (unit) pname version;
      meta = unit.meta // { inherit mainProgram; };
    };
  program = mainProgram: unit: unit // { meta = unit.meta // { inherit mainProgram; }; };
in
units // {
  # Languages
  nodejs = program "node" units.nodejs;
  nodejs_20 = program "node" units.nodejs;
  go = program "go" units.golang-go;
  # Its standard library is another package of Debian, where it does not look by itself.
  rustc =
    runCommandLocal "rustc-${units.rustc.version}" { } ''
      mkdir -p "$out/bin"
      ln -s ${units.rustc}/bin/* "$out/bin/"
      rm "$out/bin/rustc"
      printf '#!%s\nexec %s --sysroot %s "$@"\n' ${units.bash}/bin/bash ${units.rustc}/bin/rustc ${units.libstd-rust-dev} >"$out/bin/rustc"
      chmod +x "$out/bin/rustc"
    '' // { inherit (units.rustc) pname version; };
  ruby = program "ruby" units.ruby;
  lua = renamed units."lua5.4" { "lua5.4" = "lua"; "luac5.4" = "luac"; } "lua";
  lua5_4 = renamed units."lua5.4" { "lua5.4" = "lua"; "luac5.4" = "luac"; } "lua";
  ocaml = program "ocaml" units.ocaml-nox;
  jdk = program "java" units.openjdk-21-jdk-headless;
  jdk21 = program "java" units.openjdk-21-jdk-headless;
  jre_headless = program "java" units.openjdk-21-jdk-headless;
  erlang = program "erl" units.erlang-base;

  # Tools
  cmake = units.cmake;
  ninja = program "ninja" units.ninja-build;
  fd = renamed units.fd-find { fdfind = "fd"; } "fd";
  bat = renamed units.bat { batcat = "bat"; } "bat";
  ripgrep = program "rg" units.ripgrep;
  emacs = program "emacs" units.emacs-nox;
  emacs-nox = program "emacs" units.emacs-nox;
  vim = program "vim.basic" units.vim;
  imagemagick = program "magick" units."imagemagick-7.q16";
  docker = program "docker" units."docker.io";
  fortune = program "fortune" units.fortune-mod;
  ansible = program "ansible" units.ansible-core;
  wireguard-tools = program "wg" units.wireguard-tools;
  unbound = units.unbound;
  bind = program "named" units.bind9;
  nfs-utils = units.nfs-common;
  prometheus-node-exporter = program "prometheus-node-exporter" units.prometheus-node-exporter;
  lvm2 = program "lvm" units.lvm2;
  xfsprogs = program "mkfs.xfs" units.xfsprogs;
  moreutils = program "sponge" units.moreutils;
  mtr = program "mtr" units.mtr-tiny;
  usbutils = program "lsusb" units.usbutils;
  pciutils = program "lspci" units.pciutils;
  texinfo = program "makeinfo" units.texinfo;

  # Libraries: what is needed to build with them, with what is needed to run.
  zlib = units.zlib1g-dev;
  libffi = units.libffi-dev;
  gmp = units.libgmp-dev;
  readline = units.libreadline-dev;
  ncurses = units.libncurses-dev;
  libxml2 = units.libxml2-dev;
  libyaml = units.libyaml-dev;
  libsodium = units.libsodium-dev;
  libarchive = units.libarchive-dev;
  pcre2 = units.libpcre2-dev;
  expat = units.libexpat1-dev;
  libpq = units.libpq-dev;
  libuuid = units.uuid-dev;
  nettle = units.nettle-dev;
  gnutls = units.libgnutls28-dev;
}
