nix-instantiate --eval --xml --no-location h.nix -A f
