nix-instantiate --eval g.nix --arg y 3
