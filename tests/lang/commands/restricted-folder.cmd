nix-instantiate --eval --restrict-eval -E 'builtins.readDir /etc'
