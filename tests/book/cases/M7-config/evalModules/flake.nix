{
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/23.11";
  outputs = { nixpkgs, ... }: nixpkgs.lib.evalModules { modules = [ ./top-level.nix ]; };
}
