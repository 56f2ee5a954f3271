nix-instantiate --option nix-path q=/r -I c=/d --eval -E builtins.nixPath --strict
