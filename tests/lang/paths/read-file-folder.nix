builtins.readFile ./folder
