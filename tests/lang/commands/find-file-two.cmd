nix-instantiate --find-file sub.nix default.nix -I ./dir
