nix eval --option abort-on-warn true --expr 'builtins.warn "hi" 1'
