derivation { name = "d"; system = "x"; builder = "y"; outputHash = "xyz"; outputHashAlgo = "sha256"; }
