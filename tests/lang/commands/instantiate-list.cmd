nix-instantiate --eval h.nix -A l
