{ config, lib, ... }:
{
  imports = [ ./release.nix ];
  options.system.build.toplevel = lib.mkOption { type = lib.types.str; };
  config.system.build.toplevel = "Fake NixOS - version ${config.system.nixos.release}";
}
