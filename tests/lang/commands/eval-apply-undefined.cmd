nix eval --apply 'x: y' --expr 1
