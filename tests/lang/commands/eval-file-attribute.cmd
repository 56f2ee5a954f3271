nix eval -f f.nix c
