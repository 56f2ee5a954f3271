nix-instantiate --readonly-mode
