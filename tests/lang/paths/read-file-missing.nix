builtins.readFile ./missing
