nix-instantiate --eval f.nix -A c.z
