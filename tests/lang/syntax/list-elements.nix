let f = x: x + 1; a.b = 1; in [ f 1 (f 1) a.b (a.b) -1 ]
