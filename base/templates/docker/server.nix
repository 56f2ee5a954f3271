# The database and the service as containers. Their images are built with the machine, so that the test needs no registry.
{ pkgs, ... }:
let
  image = name: command: pkgs.dockerTools.streamLayeredImage {
    inherit name;
    tag = "latest";
    contents = [ pkgs.coreutils ];
    config.Cmd = command;
  };
in
{
  networking.firewall.allowedTCPPorts = [ 3000 ];

  services.postgresql = {
    enable = true;
    initialScript = ./setup.sql;
  };

  virtualisation.oci-containers = {
    backend = "docker";
    containers.postgrest = {
      image = "postgrest:latest";
      imageStream = image "postgrest" [ "${pkgs.postgrest}/bin/postgrest" "${./tutorial.conf}" ];
      extraOptions = [ "--network=host" "--add-host=host.docker.internal:127.0.0.1" ];
    };
  };
}
