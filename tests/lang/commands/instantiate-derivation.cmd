nix-instantiate --eval h.nix -A d
