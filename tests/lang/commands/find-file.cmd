nix-instantiate --find-file d/sub.nix -I d=./dir
