# The firewall: rules of nftables, made from the ports that are open.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption mkIf types;
  cfg = config.networking.firewall;
  flag = default: description: mkOption { type = types.bool; inherit default description; };
  lines = description: mkOption { type = types.lines; default = ""; inherit description; };
  ports = description: mkOption { type = types.listOf types.port; default = [ ]; apply = l: lib.unique (lib.sort lib.lessThan l); inherit description; };
  ranges = description: mkOption { type = types.listOf (types.attrsOf types.port); default = [ ]; example = [ { from = 8999; to = 9003; } ]; inherit description; };
  open = {
    allowedTCPPorts = ports "TCP ports that are open.";
    allowedTCPPortRanges = ranges "Ranges of TCP ports that are open.";
    allowedUDPPorts = ports "UDP ports that are open.";
    allowedUDPPortRanges = ranges "Ranges of UDP ports that are open.";
  };
  set = list: rangeList: lib.concatStringsSep ", " (map toString list ++ map (r: "${toString r.from}-${toString r.to}") rangeList);
  accept = interface: o:
    let
      prefix = lib.optionalString (interface != null) "iifname ${interface} ";
      rule = kind: text: lib.optionalString (text != "") "    ${prefix}${kind} dport { ${text} } accept\n";
    in
    rule "tcp" (set o.allowedTCPPorts o.allowedTCPPortRanges) + rule "udp" (set o.allowedUDPPorts o.allowedUDPPortRanges);
  table = ''
    table inet nixos-fw
    delete table inet nixos-fw
    table inet nixos-fw {
      chain input {
        type filter hook input priority filter; policy drop;
        iifname { ${lib.concatMapStringsSep ", " (i: "\"${i}\"") ([ "lo" ] ++ cfg.trustedInterfaces)} } accept
        ct state vmap { invalid : drop, established : accept, related : accept, new : jump allow, untracked : jump allow }
        ${lib.optionalString cfg.logRefusedConnections "tcp flags syn / fin,syn,rst,ack log level info prefix \"refused connection: \""}
        ${lib.optionalString (cfg.rejectPackets) "reject with icmpx admin-prohibited"}
      }
      chain allow {
    ${accept null cfg}${lib.concatStrings (lib.mapAttrsToList (n: accept "\"${n}\"") cfg.interfaces)}
        ${lib.optionalString cfg.allowPing "icmp type echo-request ${lib.optionalString (cfg.pingLimit != null) "limit rate ${cfg.pingLimit} "}accept"}
        icmpv6 type != { nd-redirect, 139 } accept
        ip6 daddr fe80::/64 udp dport 546 accept
        udp sport 67 udp dport 68 accept
        ${cfg.extraInputRules}
      }
      ${lib.optionalString cfg.filterForward "chain forward {\n    type filter hook forward priority filter; policy drop;\n    ct state { established, related } accept\n    ${cfg.extraForwardRules}\n  }"}
    }
  '';
  nft = config.networking.nftables;
  userTables = lib.concatStrings (lib.mapAttrsToList (_: t: lib.optionalString t.enable "table ${t.family} ${t.name}\ndelete table ${t.family} ${t.name}\ntable ${t.family} ${t.name} {\n${t.content}\n}\n") nft.tables);
  rules = pkgs.writeText "firewall.nft" (lib.optionalString cfg.enable table + userTables + nft.ruleset + lib.optionalString (nft.rulesetFile != null) "include \"${nft.rulesetFile}\"\n");
  active = cfg.enable || nft.enable;
in
{
  options.networking.firewall = open // {
    enable = flag true "Whether connections from outside are refused but for open ports.";
    package = mkOption { type = types.package; default = pkgs.nftables; defaultText = "pkgs.nftables"; description = "The package."; };
    backend = mkOption { type = types.str; default = "nftables"; description = "Only nftables."; };
    logRefusedConnections = flag true "Whether refused connections are logged.";
    logRefusedPackets = flag false "Whether refused packets are logged.";
    logRefusedUnicastsOnly = flag true "Without effect.";
    logReversePathDrops = flag false "Without effect.";
    rejectPackets = flag false "Whether refused packets are answered.";
    allowPing = flag true "Whether pings are answered.";
    pingLimit = mkOption { type = types.nullOr types.str; default = null; example = "1/minute burst 5 packets"; description = "How many pings are answered."; };
    checkReversePath = mkOption { type = types.either types.bool (types.enum [ "strict" "loose" ]); default = true; description = "Without effect."; };
    autoLoadConntrackHelpers = flag false "Without effect.";
    connectionTrackingModules = mkOption { type = types.listOf types.str; default = [ ]; description = "Modules that know protocols."; };
    trustedInterfaces = mkOption { type = types.listOf types.str; default = [ ]; description = "Interfaces that everything is accepted from."; };
    interfaces = mkOption { type = types.attrsOf (types.submodule { options = open; }); default = { }; description = "Ports that are open on one interface."; };
    filterForward = flag false "Whether forwarded packets are filtered.";
    extraInputRules = lines "More rules for what comes in.";
    extraForwardRules = lines "More rules for what is forwarded.";
    extraReversePathFilterRules = lines "Without effect.";
    extraCommands = lines "Commands of iptables; not supported.";
    extraStopCommands = lines "Commands of iptables; not supported.";
    extraPackages = mkOption { type = types.listOf types.package; default = [ ]; description = "Packages for such commands."; };
  };
  options.networking.nftables = {
    enable = flag false "Whether rules of one's own are loaded; the firewall uses nftables in any case.";
    ruleset = lines "Rules.";
    rulesetFile = mkOption { type = types.nullOr types.path; default = null; description = "A file with rules."; };
    checkRuleset = flag true "Without effect.";
    flushRuleset = flag false "Without effect.";
    tables = mkOption {
      default = { };
      description = "Tables of rules.";
      type = types.attrsOf (types.submodule ({ name, ... }: {
        options = {
          enable = flag true "Whether the table is loaded.";
          name = mkOption { type = types.str; default = name; description = "The table's name."; };
          family = mkOption { type = types.enum [ "ip" "ip6" "inet" "arp" "bridge" "netdev" ]; description = "What it is about."; };
          content = mkOption { type = types.lines; description = "Its contents."; };
        };
      }));
    };
  };
  options.networking.nat = {
    enable = flag false "Whether addresses are translated.";
    internalInterfaces = mkOption { type = types.listOf types.str; default = [ ]; description = "Interfaces inside."; };
    internalIPs = mkOption { type = types.listOf types.str; default = [ ]; description = "Addresses inside."; };
    externalInterface = mkOption { type = types.nullOr types.str; default = null; description = "The interface outside."; };
    externalIP = mkOption { type = types.nullOr types.str; default = null; description = "The address outside."; };
  };

  config = lib.mkMerge [
    (mkIf active {
      assertions = [ { assertion = cfg.extraCommands == "" && cfg.extraStopCommands == ""; message = "networking.firewall.extraCommands: the firewall is made of nftables; use networking.firewall.extraInputRules."; } ];
      environment.systemPackages = [ cfg.package ];
      systemd.services.firewall = {
        description = "Firewall";
        wantedBy = [ "sysinit.target" ];
        before = [ "network-pre.target" "shutdown.target" ];
        wants = [ "network-pre.target" ];
        conflicts = [ "shutdown.target" ];
        after = [ "systemd-modules-load.service" "local-fs.target" ];
        unitConfig.DefaultDependencies = false;
        enableDefaultPath = false;
        reloadIfChanged = true;
        serviceConfig = {
          Type = "oneshot";
          RemainAfterExit = true;
          ExecStart = "${cfg.package}/sbin/nft -f ${rules}";
          ExecReload = "${cfg.package}/sbin/nft -f ${rules}";
          ExecStop = "-${cfg.package}/sbin/nft delete table inet nixos-fw";
        };
      };
    })
    (mkIf config.networking.nat.enable {
      boot.kernel.sysctl = { "net.ipv4.conf.all.forwarding" = true; "net.ipv4.conf.default.forwarding" = true; };
      networking.nftables.tables.nixos-nat = {
        family = "ip";
        content = ''
          chain post {
            type nat hook postrouting priority srcnat;
            ${lib.concatMapStrings (i: "iifname \"${i}\" ${lib.optionalString (config.networking.nat.externalInterface != null) "oifname \"${config.networking.nat.externalInterface}\" "}masquerade\n") config.networking.nat.internalInterfaces}
            ${lib.concatMapStrings (a: "ip saddr ${a} masquerade\n") config.networking.nat.internalIPs}
          }
        '';
      };
    })
  ];
}
