let f = x: 1 + f (x + 1); in f 0
