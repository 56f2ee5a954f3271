# `import <nixpkgs> { }` where the base stands for nixpkgs.
import ./pkgs
