{ config, lib, ... }:
{
  options.services.cowsay.enable = lib.mkEnableOption "cowsay";
  options.systemd = lib.mkOption { default = { }; };
  config = if config.services.cowsay.enable then { systemd = "cowsay"; } else { };
}
