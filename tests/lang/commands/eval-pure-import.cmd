nix eval --expr 'import ./dir'
