{
  description = "A package of one's own that wraps a package of the base";

  outputs = { self, nixpkgs }:
    let pkgs = nixpkgs.legacyPackages.x86_64-linux;
    in {
      packages.x86_64-linux.default = pkgs.writeShellScriptBin "moo" ''
        exec ${pkgs.cowsay}/bin/cowsay "''${*:-moo}"
      '';

      apps.x86_64-linux.shout = {
        type = "app";
        program = "${self.packages.x86_64-linux.default}/bin/moo";
      };

      checks.x86_64-linux.default = pkgs.runCommand "moo-says" { } ''
        ${self.packages.x86_64-linux.default}/bin/moo hello | grep '< hello >'
        touch "$out"
      '';
    };
}
