nix eval --expr 'builtins.currentTime'
