nix-instantiate --readonly-mode -E 'x: x'
