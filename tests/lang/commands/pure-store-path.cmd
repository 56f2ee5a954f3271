nix-instantiate --eval --pure-eval -E 'builtins.storePath /nix/store/x'
