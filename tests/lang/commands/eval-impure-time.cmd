nix eval --impure --expr 'builtins.typeOf builtins.currentTime'
