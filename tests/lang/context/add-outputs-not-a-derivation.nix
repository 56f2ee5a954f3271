builtins.addDrvOutputDependencies (builtins.toFile "a" "1")
