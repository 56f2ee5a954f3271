nix-instantiate --readonly-mode -E 'with import ./default.nix; [ out dev ]'
