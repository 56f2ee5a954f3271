nix eval --expr '{ a = 1; }' a
