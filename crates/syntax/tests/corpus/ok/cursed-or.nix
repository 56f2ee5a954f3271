let or = 1; in f: [ (f or) (f or 1) (f.a or f or) ]
