# `system.build.vm`: this machine as a virtual machine.
{ config, extendModules, lib, ... }:
let
  inherit (lib) mkOption;
  variant = extendModules { modules = [ ./qemu-vm.nix ]; };
  withLoader = extendModules { modules = [ ./qemu-vm.nix { virtualisation.useBootLoader = true; } ]; };
in
{
  options.virtualisation = {
    vmVariant = mkOption { inherit (variant) type; default = { }; visible = "shallow"; description = "Configuration that counts only for `nixos-rebuild build-vm`."; };
    vmVariantWithBootLoader = mkOption { inherit (withLoader) type; default = { }; visible = "shallow"; description = "The same with the boot loader."; };
  };
  config.system.build = {
    vm = lib.mkDefault config.virtualisation.vmVariant.system.build.vm;
    vmWithBootLoader = lib.mkDefault config.virtualisation.vmVariantWithBootLoader.system.build.vm;
  };
}
