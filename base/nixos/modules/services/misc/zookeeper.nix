# Apache ZooKeeper: the options; Debian 13 has no package of it, so `package` must be given.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption mkIf types;
  cfg = config.services.zookeeper;
  conf = ''
    ${cfg.extraConf}
    dataDir=${cfg.dataDir}
    clientPort=${toString cfg.port}
    autopurge.purgeInterval=${toString cfg.purgeInterval}
    ${cfg.servers}
  '';
  utils = lib.escapeShellArgs;
  folder = pkgs.linkFarm "zookeeper-conf" { "zoo.cfg" = pkgs.writeText "zoo.cfg" conf; "logback.xml" = pkgs.writeText "logback.xml" cfg.logging; };
in
{
  options.services.zookeeper = {
    enable = lib.mkEnableOption "Zookeeper";
    port = mkOption { type = types.port; default = 2181; description = "The port for clients."; };
    id = mkOption { type = types.int; default = 0; description = "The server's number."; };
    purgeInterval = mkOption { type = types.int; default = 1; description = "Hours between two purges."; };
    extraConf = mkOption { type = types.lines; default = "initLimit=5\nsyncLimit=2\ntickTime=2000\n"; description = "More lines of the configuration."; };
    servers = mkOption { type = types.lines; default = ""; description = "All servers, `server.0=host0:2888:3888` …"; };
    logging = mkOption { type = types.lines; default = ""; description = "The configuration of its log."; };
    dataDir = mkOption { type = types.path; default = "/var/lib/zookeeper"; description = "Where its data is."; };
    extraCmdLineOptions = mkOption { type = types.listOf types.str; default = [ ]; description = "More arguments."; };
    preferIPv4 = mkOption { type = types.bool; default = true; description = "Whether IPv4 is preferred."; };
    package = mkOption { type = types.package; default = throw "services.zookeeper.package: Debian 13 has no ZooKeeper, so the embedded base has none: give a package"; defaultText = "none"; description = "The package."; };
    jre = mkOption { type = types.package; default = pkgs.units.default-jdk-headless or pkgs.units.openjdk-21-jdk-headless; defaultText = "Java of the base"; description = "Java."; };
  };
  config = mkIf cfg.enable {
    environment.systemPackages = [ cfg.package ];
    systemd.tmpfiles.rules = [ "d '${cfg.dataDir}' 0700 zookeeper - - -" "Z '${cfg.dataDir}' 0700 zookeeper - - -" ];
    systemd.services.zookeeper = {
      description = "Zookeeper Daemon";
      wantedBy = [ "multi-user.target" ];
      after = [ "network.target" ];
      serviceConfig = {
        ExecStart = "${cfg.jre}/bin/java -cp '${cfg.package}/lib/*:${folder}' ${utils cfg.extraCmdLineOptions} -Dzookeeper.datadir.autocreate=false ${lib.optionalString cfg.preferIPv4 "-Djava.net.preferIPv4Stack=true"} org.apache.zookeeper.server.quorum.QuorumPeerMain ${folder}/zoo.cfg";
        User = "zookeeper";
      };
      preStart = "echo \"${toString cfg.id}\" > ${cfg.dataDir}/myid\nmkdir -p ${cfg.dataDir}/version-2\n";
    };
    users.users.zookeeper = { isSystemUser = true; group = "zookeeper"; description = "Zookeeper daemon user"; home = cfg.dataDir; };
    users.groups.zookeeper = { };
  };
}
