let or = 1; f = x: y: [ x y ]; g = f 2; in [ (f 2 or) ]
