nix-instantiate --eval ./dir/
