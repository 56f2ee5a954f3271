nix eval --impure --expr 'import ./dir'
