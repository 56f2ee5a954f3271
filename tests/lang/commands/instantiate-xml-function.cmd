nix-instantiate --eval --xml h.nix -A f
