# cron.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption mkIf types;
  cfg = config.services.cron;
in
{
  options.services.cron = {
    enable = mkOption { type = types.bool; default = cfg.systemCronJobs != [ ]; defaultText = "whether there are jobs"; description = "Whether cron runs."; };
    mailto = mkOption { type = types.nullOr types.str; default = null; description = "Who gets the output."; };
    systemCronJobs = mkOption { type = types.listOf types.str; default = [ ]; example = [ "* * * * * root ls -l / > /tmp/out" ]; description = "Lines of /etc/crontab."; };
    cronFiles = mkOption { type = types.listOf types.path; default = [ ]; description = "Files with such lines."; };
  };
  config = mkIf cfg.enable {
    environment.etc.crontab = {
      text = "SHELL=${pkgs.bash}/bin/bash\nPATH=/run/wrappers/bin:/run/current-system/sw/bin\n${lib.optionalString (cfg.mailto != null) "MAILTO=\"${cfg.mailto}\"\n"}${lib.concatLines cfg.systemCronJobs}${lib.concatMapStrings builtins.readFile cfg.cronFiles}";
      mode = "0600";
    };
    environment.systemPackages = [ pkgs.units.cron ];
    security.wrappers.crontab = { source = "${pkgs.units.cron}/bin/crontab"; owner = "root"; group = "root"; setuid = true; };
    systemd.services.cron = {
      description = "Cron Daemon";
      wantedBy = [ "multi-user.target" ];
      preStart = "mkdir -m 1730 -p /var/spool/cron/crontabs /var/cron";
      restartTriggers = [ (builtins.hashString "sha256" config.environment.etc.crontab.text) ];
      serviceConfig.ExecStart = "${pkgs.units.cron}/sbin/cron -f";
      serviceConfig.Type = "simple";
    };
  };
}
