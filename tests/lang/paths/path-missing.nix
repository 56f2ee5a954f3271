builtins.path { path = ./missing; }
