let or = x: x + 1; s.or = 2; in [ (or 1) s.or ]
