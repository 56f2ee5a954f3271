nix-instantiate --eval '<nope>'
