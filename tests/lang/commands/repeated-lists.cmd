nix-instantiate --eval --strict -E 'let x.a = [ 1 ]; l = [ 2 ]; r = [ r ]; in { c = x.a; d = x.a; e = [ l l ]; f = l; inherit l r; g = map (y: l) [ 1 2 ]; }'
