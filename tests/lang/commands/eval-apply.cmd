nix eval --apply 'x: x + 1' --expr 1
