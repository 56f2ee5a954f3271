nix-instantiate --parse f.nix
