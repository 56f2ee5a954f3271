# The files of /etc. They are made as one folder of the store; activation links /etc to it (crates/os, module etc).
{ config, lib, pkgs, utils, ... }:
let
  inherit (lib) mkOption types;
  entries = builtins.filter (f: f.enable) (builtins.attrValues config.environment.etc);
  byTarget = f: builtins.listToAttrs (map (e: lib.nameValuePair e.target (f e)) entries);
  isText = e: e.text != null && e.source == null;
  select = wanted: f: builtins.listToAttrs (map (e: lib.nameValuePair e.target (f e)) (builtins.filter wanted entries));

  # `mode user group` of the files that are copied and not linked.
  special = select (e: e.mode != "symlink") (e: "${e.mode} ${if e.uid != null then toString e.uid else e.user} ${if e.gid != null then toString e.gid else e.group}");

  file = types.submodule ({ name, config, options, ... }: {
    options = {
      enable = mkOption { type = types.bool; default = true; description = "Whether the file is made."; };
      target = mkOption { type = types.str; default = name; description = "The file's name below /etc."; };
      text = mkOption { type = types.nullOr types.lines; default = null; description = "The file's contents."; };
      source = mkOption { type = types.nullOr types.path; default = null; description = "The file or folder that it is made of."; };
      mode = mkOption { type = types.str; default = "symlink"; example = "0600"; description = "`symlink`, or `direct-symlink`, or the mode of a copy."; };
      uid = mkOption { type = types.nullOr types.int; default = null; description = "The owner of a copy, as number."; };
      gid = mkOption { type = types.nullOr types.int; default = null; description = "The group of a copy, as number."; };
      user = mkOption { type = types.str; default = "root"; description = "The owner of a copy."; };
      group = mkOption { type = types.str; default = "root"; description = "The group of a copy."; };
    };
  });
in
{
  options = {
    environment.etc = mkOption {
      type = types.attrsOf file;
      default = { };
      example = lib.literalExpression ''{ "motd".text = "Good morning"; }'';
      description = "Files below /etc.";
    };
    system.etc.overlay = {
      enable = mkOption { type = types.bool; default = false; description = "Without effect: /etc is switched atomically through one link."; };
      mutable = mkOption { type = types.bool; default = true; description = "Without effect."; };
    };
  };

  config.system.build.etc = utils.quick "etc"
    {
      texts = select isText (e: e.text);
      files = select (e: !isText e) (e: "${e.source}");
      inherit special;
    } ''
    mkdir -p "$out/etc"
    linkFiles files "$out/etc"
    writeTexts texts "$out/etc"
    mkdir -p "$out/special"
    for n in "''${!special[@]}"; do printf '%s\t%s\n' "$n" "''${special[$n]}"; done | sort >"$out/special/modes"
  '';
  config.assertions = map
    (e: { assertion = e.text != null || e.source != null; message = "environment.etc.\"${e.target}\": give it a text or a source."; })
    entries;
}
