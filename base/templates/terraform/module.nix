{ modulesPath, ... }:
{
  imports = [ "${modulesPath}/virtualisation/amazon-image.nix" ];

  # A small machine has better uses for its memory.
  documentation.enable = false;

  services.nginx = {
    enable = true;
    virtualHosts.localhost.locations."/" = {
      index = "index.html";
      root = ./www;
    };
  };

  networking.firewall.allowedTCPPorts = [ 22 80 ];

  system.stateVersion = "23.05";
}
