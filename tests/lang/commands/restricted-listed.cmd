nix-instantiate --eval --restrict-eval -I . -E 'builtins.readFile ./g.nix'
