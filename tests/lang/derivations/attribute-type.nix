derivation { name = "d"; system = "x"; builder = "y"; a = x: x; }
