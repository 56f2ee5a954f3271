nix eval --raw --expr 1
