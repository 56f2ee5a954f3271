# A web server: http://localhost:8080 shows what is in ./www, as it is while the machine runs (`WWW=$PWD/www nix run`).
{ lib, pkgs, ... }:
{
  virtualisation.graphics = false;
  services.getty.autologinUser = "root";

  services.nginx = {
    enable = true;
    virtualHosts.localhost.locations."/" = {
      index = "index.html";
      root = "/var/www";
    };
  };

  networking = {
    firewall.allowedTCPPorts = [ 80 ];
    nameservers = lib.mkIf pkgs.stdenv.isDarwin [ "8.8.8.8" ];
  };

  virtualisation.forwardPorts = [
    { from = "host"; guest.port = 80; host.port = 8080; }
  ];

  # The shell that starts the machine puts the folder in.
  virtualisation.sharedDirectories.www = {
    source = "$WWW";
    target = "/var/www";
  };

  system.stateVersion = "23.11";
}
