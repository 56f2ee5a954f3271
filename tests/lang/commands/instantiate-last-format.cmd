nix-instantiate --eval --raw --xml --json -E '"x"'
