nix-instantiate --eval --raw h.nix -A a
