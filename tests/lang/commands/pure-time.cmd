nix-instantiate --eval --pure-eval -E 'builtins.currentTime'
