builtins.attrNames (derivationStrict { name = "d"; system = "x"; builder = "y"; outputs = [ "out" "lib" ]; })
