NIX_PATH=./dir:x=/nowhere nix-instantiate --eval -E builtins.nixPath --strict
