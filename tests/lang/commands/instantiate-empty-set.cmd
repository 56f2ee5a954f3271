nix-instantiate --readonly-mode -E '{}'
