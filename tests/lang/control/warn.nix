builtins.warn "careful" 7
