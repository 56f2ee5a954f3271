nix-instantiate --find-file nope -I d=./dir
