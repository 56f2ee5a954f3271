# What the machine is. Change it, and run `nix run` again.
{ lib, pkgs, ... }:
{
  # The console is this terminal, and nobody has to log in.
  virtualisation.graphics = false;
  services.getty.autologinUser = "root";

  # On a Mac the machine cannot use the host's name servers.
  networking.nameservers = lib.mkIf pkgs.stdenv.isDarwin [ "8.8.8.8" ];
}
