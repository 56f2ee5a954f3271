nix-instantiate --eval f.nix
