nix-instantiate --eval f.nix -A c.d.7
