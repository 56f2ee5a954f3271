nix-instantiate --eval --pure-eval -E '<nixpkgs>'
