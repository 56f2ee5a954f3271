derivation { name = "d"; system = "x"; builder = "y"; __impure = true; }
