nix-instantiate --eval -A
