# systemd-networkd: interfaces and their addresses.
{ config, lib, pkgs, utils, ... }:
let
  inherit (lib) mkOption mkIf types;
  sd = utils.systemdUtils;
  cfg = config.systemd.network;
  net = config.networking;
  section = mkOption { type = types.attrsOf sd.unitOption; default = { }; description = "Settings of the section."; };
  sections = mkOption { type = types.listOf (types.attrsOf sd.unitOption); default = [ ]; description = "Sections of this kind."; };
  base = {
    enable = mkOption { type = types.bool; default = true; description = "Whether the file is written."; };
    matchConfig = section;
    linkConfig = section;
    extraConfig = mkOption { type = types.lines; default = ""; description = "More lines."; };
  };
  network = types.submodule {
    options = base // {
      name = mkOption { type = types.nullOr types.str; default = null; description = "The interface's name."; };
      networkConfig = section;
      dhcpV4Config = section;
      dhcpV6Config = section;
      dhcpServerConfig = section;
      ipv6AcceptRAConfig = section;
      bridgeConfig = section;
      DHCP = mkOption { type = types.nullOr types.str; default = null; description = "Whether addresses are asked for."; };
      address = mkOption { type = types.listOf types.str; default = [ ]; description = "Addresses with the length of their prefix."; };
      gateway = mkOption { type = types.listOf types.str; default = [ ]; description = "Gateways."; };
      dns = mkOption { type = types.listOf types.str; default = [ ]; description = "Name servers."; };
      domains = mkOption { type = types.nullOr (types.listOf types.str); default = null; description = "Domains."; };
      vlan = mkOption { type = types.listOf types.str; default = [ ]; description = "Virtual networks on the interface."; };
      bridge = mkOption { type = types.listOf types.str; default = [ ]; description = "Bridges of the interface."; };
      routes = sections;
      addresses = sections;
      routingPolicyRules = sections;
    };
  };
  netdev = types.submodule { options = base // { netdevConfig = section; vlanConfig = section; bridgeConfig = section; wireguardConfig = section; wireguardPeers = sections; bondConfig = section; tunnelConfig = section; vxlanConfig = section; }; };
  link = types.submodule { options = base; };
  many = title: list: lib.concatMapStrings (s: sd.sectionText title s) list;
  networkText = n: sd.sectionText "Match" (n.matchConfig // lib.optionalAttrs (n.name != null) { Name = n.name; }) + sd.sectionText "Link" n.linkConfig
    + "[Network]\n" + sd.attrsToSection (n.networkConfig // lib.optionalAttrs (n.DHCP != null) { inherit (n) DHCP; } // lib.optionalAttrs (n.address != [ ]) { Address = n.address; }
      // lib.optionalAttrs (n.gateway != [ ]) { Gateway = n.gateway; } // lib.optionalAttrs (n.dns != [ ]) { DNS = n.dns; } // lib.optionalAttrs (n.vlan != [ ]) { VLAN = n.vlan; }
      // lib.optionalAttrs (n.bridge != [ ]) { Bridge = n.bridge; } // lib.optionalAttrs (n.domains != null) { Domains = toString n.domains; })
    + many "Address" n.addresses + many "Route" n.routes + many "RoutingPolicyRule" n.routingPolicyRules
    + sd.sectionText "DHCPv4" n.dhcpV4Config + sd.sectionText "DHCPv6" n.dhcpV6Config + sd.sectionText "DHCPServer" n.dhcpServerConfig
    + sd.sectionText "IPv6AcceptRA" n.ipv6AcceptRAConfig + sd.sectionText "Bridge" n.bridgeConfig + n.extraConfig;
  netdevText = n: sd.sectionText "Match" n.matchConfig + sd.sectionText "NetDev" n.netdevConfig + sd.sectionText "VLAN" n.vlanConfig + sd.sectionText "Bridge" n.bridgeConfig
    + sd.sectionText "WireGuard" n.wireguardConfig + many "WireGuardPeer" n.wireguardPeers + sd.sectionText "Bond" n.bondConfig + sd.sectionText "Tunnel" n.tunnelConfig + sd.sectionText "VXLAN" n.vxlanConfig + n.extraConfig;
  files = kind: render: set: lib.mapAttrs' (n: v: lib.nameValuePair "systemd/network/${n}.${kind}" { text = render v; }) (lib.filterAttrs (_: v: v.enable) set);

  interfaceNetwork = i: {
    matchConfig.Name = i.name;
    DHCP = if (if i.useDHCP != null then i.useDHCP else net.useDHCP && i.ipv4.addresses == [ ]) then "yes" else "no";
    address = map (a: "${a.address}/${toString a.prefixLength}") (i.ipv4.addresses ++ i.ipv6.addresses);
    gateway = lib.optional (net.defaultGateway != null && net.defaultGateway.interface == i.name) net.defaultGateway.address
      ++ lib.optional (net.defaultGateway6 != null && net.defaultGateway6.interface == i.name) net.defaultGateway6.address;
    routes = map (r: { Destination = "${r.address}/${toString r.prefixLength}"; } // lib.optionalAttrs (r.via != null) { Gateway = r.via; } // r.options) (i.ipv4.routes ++ i.ipv6.routes);
    linkConfig = lib.optionalAttrs (i.mtu != null) { MTUBytes = i.mtu; } // lib.optionalAttrs (i.macAddress != null) { MACAddress = i.macAddress; };
    networkConfig.LinkLocalAddressing = if net.enableIPv6 then "ipv6" else "no";
  };
in
{
  options.systemd.network = {
    enable = mkOption { type = types.bool; default = !config.boot.isContainer; description = "Whether systemd-networkd runs."; };
    networks = mkOption { type = types.attrsOf network; default = { }; description = "What interfaces are given."; };
    netdevs = mkOption { type = types.attrsOf netdev; default = { }; description = "Interfaces that are made."; };
    links = mkOption { type = types.attrsOf link; default = { }; description = "Properties of interfaces."; };
    config.networkConfig = section;
    wait-online = {
      enable = mkOption { type = types.bool; default = true; description = "Whether network-online.target waits for an address."; };
      anyInterface = mkOption { type = types.bool; default = net.useDHCP; defaultText = "networking.useDHCP"; description = "Whether one interface is enough."; };
      timeout = mkOption { type = types.int; default = 120; description = "How long it waits, in seconds."; };
      extraArgs = mkOption { type = types.listOf types.str; default = [ ]; description = "More arguments."; };
    };
  };

  config = mkIf cfg.enable {
    systemd.network.networks = lib.mkMerge [
      (lib.mapAttrs' (_: i: lib.nameValuePair "40-${i.name}" (lib.mapAttrs (_: lib.mkDefault) (interfaceNetwork i))) net.interfaces)
      (mkIf net.useDHCP {
        "99-ethernet-default-dhcp" = lib.mapAttrs (_: lib.mkDefault) {
          matchConfig = { Type = "ether"; Kind = "!*"; };
          DHCP = "yes";
          networkConfig = { IPv6PrivacyExtensions = "kernel"; LinkLocalAddressing = if net.enableIPv6 then "ipv6" else "no"; };
        };
      })
    ];
    environment.etc = files "network" networkText cfg.networks // files "netdev" netdevText cfg.netdevs
      // files "link" (n: sd.sectionText "Match" n.matchConfig + sd.sectionText "Link" n.linkConfig + n.extraConfig) cfg.links
      // { "systemd/networkd.conf".text = sd.sectionText "Network" cfg.config.networkConfig; };
    systemd.services.systemd-networkd = {
      overrideStrategy = "asDropin";
      enableDefaultPath = false;
      wantedBy = [ "multi-user.target" ];
      wants = [ "network.target" ];
      aliases = [ "dbus-org.freedesktop.network1.service" ];
      restartTriggers = map (n: builtins.hashString "sha256" config.environment.etc.${n}.text) (builtins.filter (lib.hasPrefix "systemd/network/") (builtins.attrNames config.environment.etc));
    };
    systemd.sockets.systemd-networkd = { overrideStrategy = "asDropin"; wantedBy = [ "sockets.target" ]; };
    systemd.services.firn-wait-online = mkIf cfg.wait-online.enable {
      description = "Wait for an address of the network";
      wantedBy = [ "network-online.target" ];
      before = [ "network-online.target" ];
      after = [ "systemd-networkd.service" ];
      aliases = [ "systemd-networkd-wait-online.service" ];
      unitConfig.DefaultDependencies = false;
      conflicts = [ "shutdown.target" ];
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = "/usr/lib/systemd/systemd-networkd-wait-online${lib.optionalString cfg.wait-online.anyInterface " --any"} --timeout=${toString cfg.wait-online.timeout} ${utils.escapeSystemdExecArgs cfg.wait-online.extraArgs}";
      };
    };
  };
}
