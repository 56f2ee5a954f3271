NIX_PATH=./dir:x=/nowhere nix-instantiate --find-file sub.nix x
