nix eval --expr 'builtins.warn "hi" 1'
