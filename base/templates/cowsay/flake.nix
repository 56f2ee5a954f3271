{
  description = "A package with everything that a flake can offer around it: apps, checks, shells";

  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/23.11";
    flake-utils.url = "github:numtide/flake-utils/v1.0.0";
  };

  outputs = { self, nixpkgs, flake-utils }:
    flake-utils.lib.eachDefaultSystem (system:
      let
        pkgs = nixpkgs.legacyPackages.${system};
        app = package: name: {
          type = "app";
          program = "${package}/bin/${name}";
          meta.description = "Lets a cow speak";
        };
      in
      {
        packages.default = pkgs.cowsay;

        apps = {
          default = self.apps.${system}.cowsay;
          cowsay = app self.packages.${system}.default "cowsay";
          cowthink = app self.packages.${system}.default "cowthink";
        };

        checks = {
          # The package itself must build …
          default = self.packages.${system}.default;
          # … and say what it said when the expected text was written.
          diff = pkgs.runCommand "cowsay-says-howdy" { } ''
            diff <(${self.apps.${system}.default.program} howdy) - <<'EXPECTED'
             _______ 
            < howdy >
             ------- 
                    \   ^__^
                     \  (oo)\_______
                        (__)\       )\/\
                            ||----w |
                            ||     ||
            EXPECTED
            touch "$out"
          '';
        };

        devShells = {
          default = self.packages.${system}.default;
          with-dev-tools = pkgs.mkShell {
            inputsFrom = [ self.packages.${system}.default ];
            packages = [ pkgs.vim pkgs.tree ];
          };
        };
      })
    // {
      templates.default = {
        path = ./.;
        description = "A flake around one package";
      };
    };
}
