derivation { name = "d"; system = "x"; builder = "y"; __contentAddressed = true; }
