{
  description = "Two machines and a test: a client asks a server that serves a database";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixpkgs-unstable";
    flake-utils.url = "github:numtide/flake-utils/v1.0.0";
  };

  outputs = { self, flake-utils, nixpkgs, ... }:
    flake-utils.lib.eachDefaultSystem (system:
      let pkgs = nixpkgs.legacyPackages.${system}; in
      {
        checks.default = pkgs.nixosTest {
          name = "todo-list";
          nodes.server = ./server.nix;
          nodes.client = ./client.nix;
          testScript = builtins.readFile ./script.py;
        };

        # To work on the test by hand: `nix run`.
        packages.default = self.checks.${system}.default.driverInteractive;
      });
}
