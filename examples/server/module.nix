{ pkgs, lib, ... }:
{
  # The serial line is the terminal; leave it by Ctrl-a x, or by shutdown now.
  services.getty.autologinUser = "root";

  services.nginx = {
    enable = true;
    virtualHosts.localhost.locations."/".root = "/var/www";
  };
  networking.firewall.allowedTCPPorts = [ 80 ];

  virtualisation = {
    memorySize = 512;
    forwardPorts = [ { from = "host"; host.port = 8080; guest.port = 80; } ];
    # Edit the files on the host and reload the page.
    sharedDirectories.www = { source = "$WWW"; target = "/var/www"; };
  };

  systemd.services.greeting = {
    wantedBy = [ "multi-user.target" ];
    script = "echo good morning";
  };

  # Switch to it inside the machine:
  # /run/current-system/specialisation/evening/bin/switch-to-configuration test
  specialisation.evening.configuration = {
    systemd.services.greeting.script = lib.mkForce "echo good evening";
    systemd.services.greeting.serviceConfig.RemainAfterExit = true;
  };

  system.stateVersion = "26.11";
}
