nix-instantiate --eval --xml h.nix -A a
