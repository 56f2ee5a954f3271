nix eval --expr 1+1
