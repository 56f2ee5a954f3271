nix eval --expr '<nixpkgs>'
