nix eval --json --expr 'x: x'
