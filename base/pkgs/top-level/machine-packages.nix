# Packages that machines are made of, under the names that users know.
{ lib, units }:
final:
let
  # Needs no standard environment: see nixos/lib/utils.nix.
  inherit (import ../../nixos/lib/utils.nix { inherit lib; pkgs = { inherit units; }; }) quick;
  kernel = prefix: builtins.head (builtins.filter (u: builtins.match "linux-image-[0-9].*${prefix}" u != null) (builtins.attrNames units));
  linuxPackagesFor = k: { kernel = k; inherit (k) version; extend = _: linuxPackagesFor k; };
  standard = builtins.head (builtins.filter (u: builtins.match "linux-image-[0-9][0-9.]*\\+deb[0-9]+-amd64" u != null) (builtins.attrNames units));
  asShell = name: unit: unit // { shellPath = "/bin/${name}"; passthru = unit.passthru // { shellPath = "/bin/${name}"; }; };
in
{
  firn = import ../firn { inherit lib; };
  nix = final.firn;

  linux = import ../linux { inherit lib units; unit = standard; fast = quick; };
  linux_cloud = import ../linux { inherit lib units; unit = kernel "-cloud-amd64"; fast = quick; };
  linuxPackages = linuxPackagesFor final.linux;
  linuxPackages_latest = final.linuxPackages;
  linuxPackages_cloud = linuxPackagesFor final.linux_cloud;
  inherit linuxPackagesFor;

  inherit (units) systemd sudo logrotate nftables e2fsprogs kmod iproute2 util-linux tzdata nano rsync perl vim dosfstools
    btrfs-progs strace htop tmux procps psmisc ethtool wget gnupg age socat podman skopeo openssl sqlite3 python3 ncurses-bin less
    cpio parted cryptsetup-bin squashfs-tools erofs-utils mtools jq ripgrep fzf screen redis-server memcached haproxy caddy virtiofsd
    seabios dash dbus figlet sl lolcat nmap tcpdump lsof gdb valgrind iptables chrony dnsmasq cron graphviz shellcheck pandoc;
  python3Minimal = units.python3;
  cryptsetup = units.cryptsetup-bin;
  dbus-broker = units.dbus-broker;
  iputils = units.iputils-ping;
  shadow = units.passwd;
  unixtools = { ping = units.iputils-ping; hostname = units.hostname; };
  inetutils = units.hostname;
  hostname = units.hostname;
  netcat = units.netcat-openbsd;
  netcat-gnu = units.netcat-openbsd;
  dnsutils = units.bind9-dnsutils;
  dig = units.bind9-dnsutils;
  redis = units.redis-server;
  mariadb = units.mariadb-server;
  apacheHttpd = units.apache2;
  OVMF = units.ovmf;
  openssh-server = units.openssh-server;
  bash = asShell "bash" units.bash;
  bashInteractive = asShell "bash" units.bash;

  nginx = units.nginx // { common = units.nginx-common; mimeTypes = "${units.nginx-common}/etc/nginx/mime.types"; };
  nginxStable = final.nginx;
  nginxMainline = final.nginx;
  # Debian's programs of PostgreSQL are beside its libraries; `bin` has wrappers for several clusters that do not apply here.
  postgresql_17 =
    let
      unit = units.postgresql-17;
      linked = quick "postgresql-${unit.version}" { unit = "${unit}"; } ''
        mkdir -p "$out/bin" "$out/share"
        ln -s "$unit"/lib/postgresql/17/bin/* "$out/bin/"
        ln -s "$unit/share/postgresql" "$out/share/postgresql"
        ln -s "$unit/lib" "$out/lib"
      '';
    in
    linked // {
      pname = "postgresql";
      inherit (unit) version;
      psqlSchema = "17";
      binaries = "${unit}/lib/postgresql/17/bin";
      meta = unit.meta // { mainProgram = "psql"; };
    };
  postgresql = final.postgresql_17;
  qemu = units.qemu-system-x86;
  qemu_kvm = units.qemu-system-x86;
  qemu_full = units.qemu-system-x86;

  # What a set of paths needs: their closure, and its registration for `nix-store --load-db`.
  closureInfo = { rootPaths }: derivation {
    name = "closure-info";
    system = "x86_64-linux";
    builder = "${units.bash}/bin/bash";
    args = [ "-e" ./closure-info.sh ];
    PATH = "${units.coreutils}/bin:${units.jq}/bin";
    __structuredAttrs = true;
    exportReferencesGraph.closure = rootPaths;
    preferLocalBuild = true;
  };
}
