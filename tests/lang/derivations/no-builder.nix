derivation { name = "d"; system = "x"; }
