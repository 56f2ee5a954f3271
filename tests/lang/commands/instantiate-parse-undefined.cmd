nix-instantiate --parse -E 'x: y'
