nix eval --read-only -f h.nix
