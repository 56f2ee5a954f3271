nix-instantiate --readonly-mode f.nix
