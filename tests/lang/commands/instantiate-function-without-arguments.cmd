nix-instantiate --eval g.nix
