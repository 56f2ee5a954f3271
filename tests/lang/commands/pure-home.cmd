nix-instantiate --eval --pure-eval -E '~/x'
