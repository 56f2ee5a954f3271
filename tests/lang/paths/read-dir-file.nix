builtins.readDir ./hashed.txt
