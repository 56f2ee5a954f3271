# Login prompts on terminals.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption mkIf types;
  cfg = config.services.getty;
  agetty = "${pkgs.units.util-linux}/sbin/agetty";
  args = "--login-program ${cfg.loginProgram}${lib.optionalString (cfg.autologinUser != null) " --autologin ${cfg.autologinUser}"}${lib.optionalString (cfg.loginOptions != null) " --login-options ${cfg.loginOptions}"} ${toString cfg.extraArgs}";
  base = {
    overrideStrategy = "asDropin";
    enableDefaultPath = false;
    restartIfChanged = false;
    environment.TTY = "%I";
  };
in
{
  options.services.getty = {
    autologinUser = mkOption { type = types.nullOr types.str; default = null; description = "A user who is logged in without being asked."; };
    autologinOnce = mkOption { type = types.bool; default = false; description = "Without effect."; };
    loginProgram = mkOption { type = types.path; default = "${pkgs.units.login}/bin/login"; defaultText = "login"; description = "The program that logs in."; };
    loginOptions = mkOption { type = types.nullOr types.str; default = null; description = "Its arguments."; };
    extraArgs = mkOption { type = types.listOf types.str; default = [ ]; description = "More arguments of agetty."; };
    greetingLine = mkOption { type = types.str; default = "<<< Welcome to ${config.system.nixos.distroName} ${config.system.nixos.label} (\\m) - \\l >>>"; defaultText = "name and label"; description = "What is shown above the prompt."; };
    helpLine = mkOption { type = types.lines; default = ""; description = "What is shown below the greeting."; };
    baudRate = mkOption { type = types.listOf types.int; default = [ 115200 57600 38400 9600 ]; description = "Speeds of serial lines."; };
  };
  config = {
    services.getty.helpLine = mkIf (config.documentation.enable && config.documentation.nixos.enable) "\nRun 'nixos-help' for the NixOS manual.";
    environment.etc.issue.text = "\n${cfg.greetingLine}\n${cfg.helpLine}\n\n";
    systemd.services."getty@" = base // {
      serviceConfig.ExecStart = [ "" "-${agetty} ${args} --noclear --keep-baud %I ${lib.concatMapStringsSep "," toString cfg.baudRate} $TERM" ];
      unitConfig.ConditionPathExists = "/dev/tty0";
    };
    systemd.services."serial-getty@" = base // {
      serviceConfig.ExecStart = [ "" "-${agetty} ${args} %I --keep-baud ${lib.concatMapStringsSep "," toString cfg.baudRate} $TERM" ];
    };
    systemd.services."container-getty@" = base // {
      unitConfig.ConditionPathExists = "/dev/pts/%I";
      serviceConfig.ExecStart = [ "" "-${agetty} ${args} --noclear --keep-baud pts/%I ${lib.concatMapStringsSep "," toString cfg.baudRate} $TERM" ];
    };
    systemd.services.console-getty = base // {
      environment = { };
      serviceConfig.ExecStart = [ "" "-${agetty} ${args} --noclear --keep-baud console ${lib.concatMapStringsSep "," toString cfg.baudRate} $TERM" ];
      enable = lib.mkDefault config.boot.isContainer;
    };
    systemd.services."autovt@" = mkIf config.console.enable { enable = true; overrideStrategy = "asDropin"; enableDefaultPath = false; restartIfChanged = false; };
    systemd.targets.getty = { overrideStrategy = "asDropin"; wants = lib.optional (config.console.enable && !config.boot.isContainer) "getty@tty1.service"; };
  };
}
