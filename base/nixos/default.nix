# `import <nixpkgs/nixos> { configuration = …; }`: one machine.
{ configuration ? import (builtins.getEnv "NIXOS_CONFIG" + ""), system ? builtins.currentSystem, ... }:
let
  machine = import ./lib/eval-config.nix {
    inherit system;
    modules = [ configuration ];
  };
in
{
  inherit (machine) pkgs config options;
  system = machine.config.system.build.toplevel;
  inherit (machine.config.system.build) vm vmWithBootLoader;
}
