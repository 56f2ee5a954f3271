builtins.hasContext (builtins.toJSON [ "${builtins.toFile "a" "b"}" ])
