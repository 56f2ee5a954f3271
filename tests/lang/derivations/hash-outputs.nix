derivation { name = "d"; system = "x"; builder = "y"; outputHash = ""; outputHashAlgo = "sha256"; outputs = [ "out" "dev" ]; }
