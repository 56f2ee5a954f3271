{ lib, ... }:
{
  options.system.nixos.release = lib.mkOption { type = lib.types.str; };
  config.system.nixos.release = "23.11";
}
