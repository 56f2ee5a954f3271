(derivation { name = "d"; system = "x"; builder = "y"; a = throw "in an attribute"; }).outPath
