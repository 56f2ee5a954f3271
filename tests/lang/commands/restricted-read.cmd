nix-instantiate --eval --restrict-eval -E 'builtins.readFile /etc/hostname'
