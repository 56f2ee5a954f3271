nix-instantiate --eval f.nix -A c.d --strict
