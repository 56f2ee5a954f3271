nix-instantiate --eval g.nix --arg x 3
