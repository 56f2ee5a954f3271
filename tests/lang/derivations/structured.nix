let d = derivation { name = "s"; system = "x"; builder = "y"; __structuredAttrs = true; a = { b = [ 1 null 1.5 ]; }; outputs = [ "out" ]; }; in d.drvPath
