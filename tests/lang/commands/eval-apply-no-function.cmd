nix eval --apply 1 --expr 1
