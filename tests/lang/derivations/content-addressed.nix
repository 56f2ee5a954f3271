let d = derivation { name = "d"; system = "x"; builder = "y"; __contentAddressed = true; outputHashAlgo = "sha256"; outputHashMode = "recursive"; }; in [ d.outPath d.drvPath ]
