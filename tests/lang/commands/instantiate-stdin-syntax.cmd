echo '1+' | nix-instantiate --eval -
