derivation { name = "d"; system = "x"; builder = "y"; a = { b = 1; }; }
