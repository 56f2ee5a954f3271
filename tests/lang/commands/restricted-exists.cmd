nix-instantiate --eval --restrict-eval -E 'builtins.pathExists /etc/hostname'
