builtins.hashFile "nope" ./hashed.txt
