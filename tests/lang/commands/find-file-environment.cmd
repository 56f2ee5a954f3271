NIX_PATH=d=./dir nix-instantiate --find-file d/sub.nix
