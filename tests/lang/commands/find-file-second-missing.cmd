nix-instantiate --find-file sub.nix nope2 -I ./dir
