# Two modules, and the two merged by hand into one recursive set.
let
  lib = import ./base/lib;
  inherit (lib) evalModules mkOption types;

  options = {
    system.nixos.release = mkOption { type = types.str; };
    system.build.toplevel = mkOption { type = types.str; };
  };
  split = evalModules {
    modules = [
      { inherit options; }
      { system.nixos.release = "23.11"; }
      ({ config, ... }: { system.build.toplevel = "Fake NixOS - version ${config.system.nixos.release}"; })
    ];
  };
  merged = evalModules {
    modules = [
      (
        { config, ... }:
        {
          inherit options;
          config.system.nixos.release = "23.11";
          config.system.build.toplevel = "Fake NixOS - version ${config.system.nixos.release}";
        }
      )
    ];
  };
in
{
  same = split.config == merged.config;
  inherit (merged) config;
}
