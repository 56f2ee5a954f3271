nix-instantiate --eval --json --strict h.nix -A l
