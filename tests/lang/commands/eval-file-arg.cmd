nix eval -f f.nix a --arg a 7
