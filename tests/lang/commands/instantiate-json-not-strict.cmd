nix-instantiate --eval --json h.nix
