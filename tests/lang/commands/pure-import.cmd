nix-instantiate --eval --pure-eval -E 'import ./f.nix'
