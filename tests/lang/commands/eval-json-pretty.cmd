nix eval --json --pretty --expr '{ a = 1; b = [ 1 { c = 2; } ]; d = [ ]; e = { }; }'
