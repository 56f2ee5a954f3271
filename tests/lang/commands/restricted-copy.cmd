nix-instantiate --eval --restrict-eval -E '"${/etc/hostname}"'
