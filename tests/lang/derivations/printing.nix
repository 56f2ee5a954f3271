derivation { name = "d"; system = "x"; builder = "y"; }
