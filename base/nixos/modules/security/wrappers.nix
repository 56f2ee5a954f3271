# Programs that run with more rights than whoever starts them. The store cannot hold such files: activation makes copies in
# /run/wrappers/bin (crates/os, module wrappers).
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.security.wrappers;
  enabled = lib.filterAttrs (_: w: w.enable) cfg;
in
{
  options.security = {
    wrappers = mkOption {
      default = { };
      description = "Programs in /run/wrappers/bin.";
      type = types.attrsOf (types.submodule ({ name, ... }: {
        options = {
          enable = mkOption { type = types.bool; default = true; description = "Whether the wrapper is made."; };
          source = mkOption { type = types.path; description = "The program."; };
          program = mkOption { type = types.nullOr types.str; default = name; description = "The wrapper's name."; };
          owner = mkOption { type = types.str; description = "The wrapper's owner."; };
          group = mkOption { type = types.str; description = "The wrapper's group."; };
          permissions = mkOption { type = types.strMatching "[ugorwx,=+-]*"; default = "u+rx,g+x,o+x"; description = "Who may run it."; };
          capabilities = mkOption { type = types.commas; default = ""; example = "cap_net_raw+ep"; description = "Capabilities that it has."; };
          setuid = mkOption { type = types.bool; default = false; description = "Whether it runs as its owner."; };
          setgid = mkOption { type = types.bool; default = false; description = "Whether it runs as its group."; };
        };
      }));
    };
    wrapperDir = mkOption { type = types.path; internal = true; default = "/run/wrappers/bin"; description = "Where wrappers are."; };
    wrapperDirSize = mkOption { type = types.str; default = "50%"; description = "How much memory they may use."; };
    enableWrappers = mkOption { type = types.bool; default = true; description = "Whether there are wrappers at all."; };
    wrapperList = mkOption {
      type = types.raw;
      internal = true;
      readOnly = true;
      description = "The wrappers as activation reads them.";
      default = lib.optionals config.security.enableWrappers (lib.mapAttrsToList
        (_: w: { inherit (w) program owner group permissions capabilities setuid setgid; source = toString w.source; })
        enabled);
    };
  };
  config = {
    assertions = lib.mapAttrsToList
      (n: w: { assertion = !(w.setuid || w.setgid) || w.capabilities == ""; message = "security.wrappers.${n}: a program has either capabilities or a setuid or setgid bit."; })
      enabled;
    security.wrappers =
      let setuidRoot = source: { setuid = true; owner = "root"; group = "root"; inherit source; }; in
      lib.mapAttrs (_: source: setuidRoot (lib.mkDefault source)) {
        su = "${pkgs.units.util-linux}/bin/su";
        mount = "${pkgs.units.mount}/bin/mount";
        umount = "${pkgs.units.mount}/bin/umount";
        passwd = "${pkgs.units.passwd}/bin/passwd";
        newgrp = "${pkgs.units.login}/bin/newgrp";
        unix_chkpwd = "${pkgs.units.libpam-modules-bin}/sbin/unix_chkpwd";
      };
  };
}
