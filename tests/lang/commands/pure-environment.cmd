nix-instantiate --eval --pure-eval -E 'builtins.getEnv "HOME"'
