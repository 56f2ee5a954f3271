# Names, addresses, resolvers, and which services of the network manage them.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption mkIf types;
  cfg = config.networking;
  flag = default: description: mkOption { type = types.bool; inherit default description; };
  address = v: types.submodule {
    options = {
      address = mkOption { type = types.str; description = "The address."; };
      prefixLength = mkOption { type = types.ints.between 0 (if v == 4 then 32 else 128); description = "The length of the network's prefix."; };
    };
  };
  route = v: types.submodule {
    options = {
      address = mkOption { type = types.str; description = "The network's address."; };
      prefixLength = mkOption { type = types.ints.between 0 (if v == 4 then 32 else 128); description = "The length of the network's prefix."; };
      via = mkOption { type = types.nullOr types.str; default = null; description = "The next hop."; };
      options = mkOption { type = types.attrsOf types.str; default = { }; description = "More options."; };
      type = mkOption { type = types.nullOr types.str; default = null; description = "The kind of route."; };
    };
  };
  family = v: {
    addresses = mkOption { type = types.listOf (address v); default = [ ]; description = "Addresses of the interface."; };
    routes = mkOption { type = types.listOf (route v); default = [ ]; description = "Routes through the interface."; };
  };
  gateway = types.nullOr (types.coercedTo types.str (address: { inherit address; }) (types.submodule {
    options = {
      address = mkOption { type = types.str; description = "The gateway's address."; };
      interface = mkOption { type = types.nullOr types.str; default = null; description = "The interface that it is behind."; };
      metric = mkOption { type = types.nullOr types.int; default = null; description = "The route's metric."; };
    };
  }));
  fqdnNames = lib.optional (cfg.hostName != "" && cfg.domain != null) "${cfg.hostName}.${cfg.domain}" ++ lib.optional (cfg.hostName != "") cfg.hostName;
  attrsOption = description: mkOption { type = types.attrsOf types.anything; default = { }; inherit description; };
in
{
  options.networking = {
    hostName = mkOption { type = types.strMatching "$|^[[:alnum:]]([[:alnum:]_-]{0,61}[[:alnum:]])?$"; default = "nixos"; description = "The machine's name; empty leaves it to the network."; };
    domain = mkOption { type = types.nullOr types.str; default = null; description = "The machine's domain."; };
    fqdn = mkOption { type = types.str; readOnly = true; default = if cfg.domain == null then throw "networking.fqdn: set networking.domain" else "${cfg.hostName}.${cfg.domain}"; defaultText = "host name and domain"; description = "Name and domain."; };
    fqdnOrHostName = mkOption { type = types.str; readOnly = true; default = if cfg.domain == null then cfg.hostName else cfg.fqdn; defaultText = "name and domain, or the name"; description = "Name and domain if there is one."; };
    hostId = mkOption { type = types.nullOr types.str; default = null; description = "Eight hexadecimal digits that name the machine."; };
    hosts = mkOption { type = types.attrsOf (types.listOf types.str); default = { }; description = "Names by address, for /etc/hosts."; };
    extraHosts = mkOption { type = types.lines; default = ""; description = "More lines of /etc/hosts."; };
    hostFiles = mkOption { type = types.listOf types.path; default = [ ]; description = "Files that are added to /etc/hosts."; };
    nameservers = mkOption { type = types.listOf types.str; default = [ ]; description = "Addresses of name servers."; };
    search = mkOption { type = types.listOf types.str; default = [ ]; description = "Domains that short names are looked up in."; };
    enableIPv6 = flag true "Whether IPv6 is used.";
    useDHCP = flag true "Whether interfaces get their addresses from the network.";
    dhcpcd.enable = flag true "Without effect: networkd asks for addresses.";
    dhcpcd.extraConfig = mkOption { type = types.lines; default = ""; description = "Without effect."; };
    useNetworkd = flag true "Whether systemd-networkd manages interfaces; nothing else does here.";
    usePredictableInterfaceNames = flag true "Whether interfaces are called after their place.";
    useHostResolvConf = flag false "Whether a container uses its host's resolv.conf.";
    tempAddresses = mkOption { type = types.str; default = "default"; description = "Use of temporary IPv6 addresses."; };
    defaultGateway = mkOption { type = gateway; default = null; description = "The IPv4 gateway."; };
    defaultGateway6 = mkOption { type = gateway; default = null; description = "The IPv6 gateway."; };
    interfaces = mkOption {
      default = { };
      description = "Interfaces of the network.";
      type = types.attrsOf (types.submodule ({ name, ... }: {
        options = {
          name = mkOption { type = types.str; default = name; description = "The interface's name."; };
          useDHCP = mkOption { type = types.nullOr types.bool; default = null; description = "Whether this interface gets its address from the network."; };
          ipv4 = family 4;
          ipv6 = family 6;
          mtu = mkOption { type = types.nullOr types.int; default = null; description = "The largest packet in bytes."; };
          macAddress = mkOption { type = types.nullOr types.str; default = null; description = "The hardware address."; };
          virtual = mkOption { type = types.bool; default = false; description = "Whether it is a TUN or TAP device."; };
          wakeOnLan.enable = mkOption { type = types.bool; default = false; description = "Whether packets wake the machine."; };
        };
      }));
    };
    bonds = attrsOption "Bonded interfaces.";
    bridges = attrsOption "Bridges.";
    vlans = attrsOption "Virtual networks.";
    macvlans = attrsOption "Interfaces with an address of their own.";
    sits = attrsOption "Tunnels for IPv6.";
    timeServers = mkOption { type = types.listOf types.str; default = map (n: "${toString n}.nixos.pool.ntp.org") [ 0 1 2 3 ]; description = "Servers for the time."; };
    proxy.default = mkOption { type = types.nullOr types.str; default = null; description = "The web proxy of all programs."; };
    proxy.noProxy = mkOption { type = types.nullOr types.str; default = null; description = "Hosts reached without the proxy."; };
    resolvconf.enable = flag (cfg.nameservers != [ ]) "Whether /etc/resolv.conf is written from `networking.nameservers`.";
    resolvconf.extraConfig = mkOption { type = types.lines; default = ""; description = "More lines of resolv.conf."; };
    resolvconf.extraOptions = mkOption { type = types.listOf types.str; default = [ ]; description = "Options of the resolver."; };
    networkmanager.enable = flag false "Whether NetworkManager runs; it is not in the base.";
    wireless.enable = flag false "Whether wireless networks are used; not in the base.";
  };

  config = {
    assertions = [
      { assertion = !cfg.networkmanager.enable; message = "networking.networkmanager: NetworkManager is not in the embedded base; systemd-networkd manages interfaces."; }
      { assertion = !cfg.wireless.enable; message = "networking.wireless: wpa_supplicant is not in the embedded base."; }
    ];
    networking.hosts = {
      "127.0.0.1" = [ "localhost" ];
      "::1" = mkIf cfg.enableIPv6 [ "localhost" ];
      "127.0.0.2" = fqdnNames;
    };
    environment.etc = {
      hostname = mkIf (cfg.hostName != "") { text = cfg.hostName + "\n"; };
      hosts.text = lib.concatStrings (lib.mapAttrsToList (ip: names: lib.optionalString (names != [ ]) "${ip} ${lib.concatStringsSep " " (lib.unique names)}\n") cfg.hosts)
        + cfg.extraHosts + lib.concatMapStrings builtins.readFile cfg.hostFiles;
      "host.conf".text = "multi on\n";
      "nsswitch.conf".text = ''
        passwd:    files systemd
        group:     files [success=merge] systemd
        shadow:    files systemd
        sudoers:   files
        hosts:     files myhostname${lib.optionalString config.services.resolved.enable " resolve [!UNAVAIL=return]"} dns
        networks:  files
        ethers:    files
        services:  files
        protocols: files
        rpc:       files
      '';
      services.source = "${pkgs.units.netbase}/etc/services";
      protocols.source = "${pkgs.units.netbase}/etc/protocols";
      rpc.source = "${pkgs.units.netbase}/etc/rpc";
      ethertypes.source = "${pkgs.units.netbase}/etc/ethertypes";
      "resolv.conf" = mkIf (cfg.resolvconf.enable && !config.services.resolved.enable) {
        text = lib.optionalString (cfg.search != [ ]) "search ${toString cfg.search}\n" + lib.concatMapStrings (n: "nameserver ${n}\n") cfg.nameservers
          + lib.optionalString (cfg.resolvconf.extraOptions != [ ]) "options ${toString cfg.resolvconf.extraOptions}\n" + cfg.resolvconf.extraConfig;
      };
    };
    environment.sessionVariables = mkIf (cfg.proxy.default != null) ({ http_proxy = cfg.proxy.default; https_proxy = cfg.proxy.default; ftp_proxy = cfg.proxy.default; rsync_proxy = cfg.proxy.default; all_proxy = cfg.proxy.default; } // lib.optionalAttrs (cfg.proxy.noProxy != null) { no_proxy = cfg.proxy.noProxy; });
    boot.kernel.sysctl = mkIf (!cfg.enableIPv6) { "net.ipv6.conf.all.disable_ipv6" = true; "net.ipv6.conf.default.disable_ipv6" = true; };
  };
}
