nix-instantiate --option no-such-option 5 --eval -E 1
