nix-instantiate --parse dir
