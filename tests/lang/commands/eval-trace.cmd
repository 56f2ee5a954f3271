nix eval --expr 'builtins.trace "hi" 1'
