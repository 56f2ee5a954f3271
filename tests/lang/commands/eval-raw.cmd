nix eval --raw --expr '"x"'
