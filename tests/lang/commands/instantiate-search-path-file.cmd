nix-instantiate --eval '<d>' -I d=./dir
