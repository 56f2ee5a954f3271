# logrotate.
{ config, lib, pkgs, utils, ... }:
let
  inherit (lib) mkOption mkIf types;
  cfg = config.services.logrotate;
  directive = types.nullOr (types.oneOf [ types.bool types.int types.str (types.listOf types.str) ]);
  block = types.submodule ({ name, ... }: {
    freeformType = types.attrsOf directive;
    options = {
      enable = mkOption { type = types.bool; default = true; description = "Whether these files are rotated."; };
      global = mkOption { type = types.bool; default = false; description = "Whether these are settings for all."; };
      files = mkOption { type = types.either types.str (types.listOf types.str); default = name; description = "The files."; };
      frequency = mkOption { type = types.nullOr types.str; default = null; description = "daily, weekly, monthly, yearly."; };
      priority = mkOption { type = types.int; default = 1000; description = "The place in the configuration."; };
    };
  });
  scripts = [ "prerotate" "postrotate" "firstaction" "lastaction" "preremove" ];
  show = n: v: if v == null || v == false then "" else if v == true then "  ${n}\n" else if builtins.elem n scripts then "  ${n}\n    ${builtins.replaceStrings [ "\n" ] [ "\n    " ] (toString v)}\n  endscript\n" else if builtins.isList v then lib.concatMapStrings (x: "  ${n} ${x}\n") v else "  ${n} ${toString v}\n";
  body = b: lib.optionalString (b.frequency != null) "  ${b.frequency}\n" + lib.concatStrings (lib.mapAttrsToList show (removeAttrs b [ "enable" "global" "files" "frequency" "priority" ]));
  render = b: if b.global then body b else "${lib.concatMapStringsSep " " (f: "\"${f}\"") (lib.toList b.files)} {\n${body b}}\n";
  blocks = lib.sort (a: b: a.priority < b.priority) (builtins.filter (b: b.enable) (builtins.attrValues cfg.settings));
  conf = utils.quick "logrotate.conf" { text = lib.concatMapStrings render blocks + cfg.extraConfig; } ''printf '%s\n' "$text" >"$out"'';
in
{
  options.services.logrotate = {
    enable = mkOption { type = types.bool; default = lib.any (b: b.enable && !b.global) (builtins.attrValues cfg.settings); defaultText = "whether there are files"; description = "Whether logs are rotated."; };
    settings = mkOption { type = types.attrsOf block; default = { }; description = "Files and what is done with them."; };
    extraConfig = mkOption { type = types.lines; default = ""; description = "More lines."; };
    configFile = mkOption { type = types.path; default = conf; defaultText = "made from settings"; description = "The configuration's file."; };
    checkConfig = mkOption { type = types.bool; default = true; description = "Without effect."; };
    extraArgs = mkOption { type = types.listOf types.str; default = [ ]; description = "More arguments."; };
  };
  config = lib.mkMerge [ {
    services.logrotate.settings.header = { global = true; priority = lib.mkDefault 100; missingok = lib.mkDefault true; notifempty = lib.mkDefault true; frequency = lib.mkDefault "weekly"; rotate = lib.mkDefault 4; };
  } (mkIf cfg.enable {
    environment.systemPackages = [ pkgs.logrotate ];
    systemd.services.logrotate = {
      description = "Logrotate Service";
      startAt = "hourly";
      restartIfChanged = false;
      serviceConfig = { Type = "oneshot"; ExecStart = "${pkgs.logrotate}/sbin/logrotate --state /var/lib/logrotate.status ${utils.escapeSystemdExecArgs cfg.extraArgs} ${cfg.configFile}"; PrivateTmp = true; };
    };
  }) ];
}
