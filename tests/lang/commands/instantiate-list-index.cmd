nix-instantiate --eval f.nix -A c.d.1.e
