nix eval --expr 'builtins.hashString "foo" ""'
