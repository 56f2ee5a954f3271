derivation { name = "d"; system = "x"; builder = "y"; outputs = [ "a" "a" ]; }
