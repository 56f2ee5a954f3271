nix-instantiate --eval -E '{ x ? 1, ... }@a: a' --arg y 2 --strict
