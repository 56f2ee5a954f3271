derivation { name = "d"; builder = "y"; }
