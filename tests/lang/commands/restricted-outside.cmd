nix-instantiate --eval --restrict-eval -I . -E 'builtins.readFile ../syntax/lists.nix'
