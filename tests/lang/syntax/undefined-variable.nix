{ a = [ (x: y) undefinedName ]; }
