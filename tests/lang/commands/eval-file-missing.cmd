nix eval -f nope.nix
