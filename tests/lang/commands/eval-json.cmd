nix eval --json --expr '{ a = 1; b = [ 1 { c = 2; } ]; d = 1.0e20; }'
