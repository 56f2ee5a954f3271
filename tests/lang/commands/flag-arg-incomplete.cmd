nix-instantiate --eval --arg x
