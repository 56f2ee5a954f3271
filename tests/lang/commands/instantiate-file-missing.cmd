nix-instantiate --eval nope.nix
