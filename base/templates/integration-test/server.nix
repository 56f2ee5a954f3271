# A database, and a service that shows its tables over HTTP.
{ config, pkgs, ... }:
{
  networking.firewall.allowedTCPPorts = [ 3000 ];

  services.postgresql = {
    enable = true;
    initialScript = ./setup.sql;
  };

  systemd.services.postgrest = {
    wantedBy = [ "multi-user.target" ];
    after = [ "postgresql.service" ];
    path = [ pkgs.postgrest ];
    script = "postgrest ${./tutorial.conf}";
    # The script of the database may still be running at the first start.
    serviceConfig = {
      User = config.users.users.authenticator.name;
      Restart = "on-failure";
      RestartSec = "1s";
    };
  };

  users = {
    groups.database = { };
    users.authenticator = {
      isSystemUser = true;
      group = config.users.groups.database.name;
    };
  };
}
