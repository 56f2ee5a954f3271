nix-instantiate --eval --pure-eval -E 'builtins.nixPath'
