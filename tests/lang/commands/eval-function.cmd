nix eval -f h.nix f
