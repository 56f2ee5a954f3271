echo '1+1' | nix-instantiate --parse -
