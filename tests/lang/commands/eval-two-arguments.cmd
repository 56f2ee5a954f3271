nix eval -f h.nix a s
