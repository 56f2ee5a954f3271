nix-instantiate --readonly-mode -E '[ 1 2 ]'
