nix eval --raw --json --expr 1
