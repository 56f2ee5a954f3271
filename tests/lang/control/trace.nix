builtins.trace "a string" (builtins.trace { a = 1; b = [ 1 (1 + 1) ]; } (builtins.trace (x: x) 5))
