nix-instantiate --eval h.nix -A t
