derivation { name = "d"; system = "x"; builder = "y"; outputHashMode = "text"; outputHash = ""; outputHashAlgo = "sha256"; }
