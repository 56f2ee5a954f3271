nix-instantiate --eval --json h.nix -A a
