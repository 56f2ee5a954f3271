nix-instantiate --eval --pure-eval -E 'builtins.readFile /etc/hostname'
