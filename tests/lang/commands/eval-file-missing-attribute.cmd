nix eval -f f.nix zzz
