nix-instantiate --readonly-mode -A dev
