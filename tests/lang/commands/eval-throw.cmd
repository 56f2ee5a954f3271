nix eval -f h.nix t
