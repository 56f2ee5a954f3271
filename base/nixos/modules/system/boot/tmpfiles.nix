# Volatile files and folders.
{ config, lib, pkgs, utils, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.systemd.tmpfiles;
  field = default: description: mkOption { type = types.str; inherit default description; };
  rule = types.submodule ({ name, ... }: {
    options = {
      type = field name "The kind of rule.";
      mode = field "-" "The mode.";
      user = field "-" "The owner.";
      group = field "-" "The group.";
      age = field "-" "The age after which contents are removed.";
      argument = field "" "The kind's argument.";
    };
  });
  settingsText = files: lib.concatStrings (lib.concatLists (lib.mapAttrsToList
    (path: kinds: lib.mapAttrsToList (_: r: "'${r.type}' '${path}' '${r.mode}' '${r.user}' '${r.group}' '${r.age}' ${lib.optionalString (r.argument != "") (lib.escape [ " " ] r.argument)}\n") kinds)
    files));
in
{
  options.systemd.tmpfiles = {
    rules = mkOption { type = types.listOf types.str; default = [ ]; example = [ "d /tmp 1777 root root 10d" ]; description = "Rules, one a line, as in tmpfiles.d(5)."; };
    settings = mkOption { type = types.attrsOf (types.attrsOf (types.attrsOf rule)); default = { }; description = "Rules by file, path and kind."; };
    packages = mkOption { type = types.listOf types.package; default = [ ]; description = "Packages with rules."; };
  };
  config.systemd.tmpfiles.rules = [
    "d /nix/var 0755 root root - -"
    "d /nix/var/nix 0755 root root - -"
    "d /nix/var/nix/gcroots 0755 root root - -"
    "L+ /nix/var/nix/gcroots/booted-system 0755 root root - /run/booted-system"
    "L+ /nix/var/nix/gcroots/current-system 0755 root root - /run/current-system"
    "d /var/empty 0555 root root - -"
    "q /var/tmp 1777 root root 30d"
    "d /var/cache 0755 root root - -"
  ];
  config.environment.etc."tmpfiles.d".source = utils.quick "tmpfiles.d"
    {
      texts = { "00-nixos.conf" = lib.concatStringsSep "\n" cfg.rules + "\n"; } // lib.mapAttrs' (n: files: lib.nameValuePair "${n}.conf" (settingsText files)) cfg.settings;
      packages = map (p: "${p}") cfg.packages;
    } ''
    mkdir "$out"
    for package in "''${packages[@]}"; do
      [ ! -d "$package/lib/tmpfiles.d" ] || ln -s "$package"/lib/tmpfiles.d/*.conf "$out/"
    done
    writeTexts texts "$out"
  '';
}
