# Fill in the two names below, and put a file `secrets.yaml` with the key `github-access-token` beside this one
# (`sops secrets.yaml`); the machine decrypts it with the key that Terraform has put on it.
{ config, modulesPath, ... }:
let
  username = throw "module.nix: say whose repository the machine updates itself from";
  repository = throw "module.nix: say which repository the machine updates itself from";
in
{
  imports = [ "${modulesPath}/virtualisation/amazon-image.nix" ];

  documentation.enable = false;

  services.nginx = {
    enable = true;
    virtualHosts.localhost.locations."/" = {
      index = "index.html";
      root = ./www;
    };
  };

  networking.firewall.allowedTCPPorts = [ 22 80 ];

  sops = {
    defaultSopsFile = ./secrets.yaml;
    age.sshKeyPaths = [ "/var/lib/id_ed25519" ];
    secrets.github-access-token = { };
  };

  # The token is read where the machine has it, and never becomes part of the store.
  nix.extraOptions = "!include ${config.sops.secrets.github-access-token.path}";
  nix.settings.extra-experimental-features = [ "nix-command" "flakes" ];

  system.autoUpgrade = {
    enable = true;
    dates = "minutely";
    flake = "github:${username}/${repository}#default";
    # A minute is shorter than what is usually taken for fresh.
    flags = [ "--option" "tarball-ttl" "0" ];
  };

  system.stateVersion = "23.05";
}
