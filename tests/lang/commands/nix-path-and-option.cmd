NIX_PATH=a=/b nix-instantiate -I c=/d --eval -E builtins.nixPath --strict
