nix-instantiate --eval dir
