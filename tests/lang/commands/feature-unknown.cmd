nix-instantiate --extra-experimental-features no-such-feature --eval -E 1
