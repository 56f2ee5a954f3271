derivation { name = builtins.toFile "a" "b"; system = "x"; builder = "y"; }
