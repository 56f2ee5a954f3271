derivation { name = "d"; system = "x"; builder = "y"; outputHash = "x"; outputHashAlgo = "odd"; }
