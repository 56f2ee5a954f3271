nix-instantiate --eval -E 1 -E 2
