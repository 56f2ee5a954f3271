# Apache Kafka: the options; Debian 13 has no package of it, so `package` must be given.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption mkIf types;
  cfg = config.services.apache-kafka;
  value = v: if v == true then "true" else if v == false then "false" else if builtins.isList v then lib.concatStringsSep "," (map toString v) else toString v;
  properties = pkgs.writeText "server.properties" (lib.concatStrings (lib.mapAttrsToList (n: v: lib.optionalString (v != null) "${n}=${value v}\n") cfg.settings));
in
{
  options.services.apache-kafka = {
    enable = lib.mkEnableOption "Apache Kafka event streaming broker";
    settings = mkOption {
      default = { };
      description = "The contents of server.properties.";
      type = types.submodule {
        freeformType = types.attrsOf (types.nullOr (types.oneOf [ types.bool types.int types.str (types.listOf types.str) (types.listOf types.path) ]));
        options = {
          "broker.id" = mkOption { type = types.nullOr types.int; default = null; description = "The broker's number."; };
          "log.dirs" = mkOption { type = types.listOf types.path; default = [ "/tmp/apache-kafka" ]; description = "Where data is."; };
          listeners = mkOption { type = types.listOf types.str; default = [ "PLAINTEXT://localhost:9092" ]; description = "Addresses that are listened on."; };
        };
      };
    };
    clusterId = mkOption { type = types.nullOr types.str; default = null; description = "The cluster's identifier."; };
    formatLogDirs = mkOption { type = types.bool; default = false; description = "Whether folders for data are formatted."; };
    formatLogDirsIgnoreFormatted = mkOption { type = types.bool; default = cfg.settings."process.roles" or null != null; defaultText = "whether KRaft is used"; description = "Whether formatted ones are left."; };
    log4jProperties = mkOption { type = types.nullOr types.lines; default = null; description = "The configuration of its log."; };
    jvmOptions = mkOption { type = types.listOf types.str; default = [ ]; description = "Options of Java."; };
    package = mkOption { type = types.package; default = throw "services.apache-kafka.package: Debian 13 has no Kafka, so the embedded base has none: give a package"; defaultText = "none"; description = "The package."; };
    jre = mkOption { type = types.package; default = pkgs.units.openjdk-21-jdk-headless; defaultText = "Java of the base"; description = "Java."; };
  };
  config = mkIf cfg.enable {
    environment.systemPackages = [ cfg.package ];
    users.users.apache-kafka = { isSystemUser = true; group = "apache-kafka"; description = "Apache Kafka daemon user"; };
    users.groups.apache-kafka = { };
    systemd.tmpfiles.rules = map (d: "d '${d}' 0700 apache-kafka - - -") cfg.settings."log.dirs";
    systemd.services.apache-kafka = {
      description = "Apache Kafka Daemon";
      wantedBy = [ "multi-user.target" ];
      after = [ "network.target" ];
      serviceConfig = {
        ExecStart = "${cfg.jre}/bin/java -cp \"${cfg.package}/libs/*\" ${toString cfg.jvmOptions} kafka.Kafka ${properties}";
        User = "apache-kafka";
        SuccessExitStatus = "0 143";
      };
    };
  };
}
