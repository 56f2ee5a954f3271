# Which documentation is installed.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  flag = default: description: mkOption { type = types.bool; inherit default description; };
  cfg = config.documentation;
in
{
  options.documentation = {
    enable = flag true "Whether documentation is installed at all.";
    man.enable = flag true "Whether manual pages are installed.";
    man.generateCaches = flag false "Whether an index of manual pages is made.";
    man.man-db.enable = flag true "Whether man-db shows them.";
    info.enable = flag true "Whether info pages are installed.";
    doc.enable = flag true "Whether other documentation is installed.";
    dev.enable = flag false "Whether documentation for developers is installed.";
    nixos = {
      enable = flag true "Whether the machine's own manual is installed.";
      includeAllModules = flag false "Without effect: the manual covers the modules of the base.";
      options.warningsAreErrors = flag true "Without effect.";
      extraModules = mkOption { type = types.listOf types.raw; default = [ ]; description = "Modules documented beside the base's."; };
    };
  };
  config = lib.mkIf (cfg.enable && cfg.nixos.enable) {
    environment.systemPackages = [
      (pkgs.writeShellScriptBin "nixos-help" ''
        echo "The options of this machine: 'nix eval .#nixosConfigurations.NAME.options' or 'nixos-option NAME'."
        echo "Release ${config.system.nixos.release}; its modules are at ${toString ../.}."
      '')
    ];
  };
}
