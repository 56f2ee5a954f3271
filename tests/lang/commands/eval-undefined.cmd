nix eval --expr 'hello'
