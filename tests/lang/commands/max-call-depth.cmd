nix-instantiate --option max-call-depth 5 --eval -E 'let f = x: f x; in f 1'
