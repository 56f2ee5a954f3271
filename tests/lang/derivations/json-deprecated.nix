(derivation { name = "d"; system = "x"; builder = "y"; __json = "{}"; }).name
