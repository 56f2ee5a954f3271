nix-instantiate --eval '<sub.nix>' -I ./dir
