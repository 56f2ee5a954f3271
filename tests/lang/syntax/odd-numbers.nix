let f = x: y: [ x y ]; e30 = "e"; in [ (f 1e30) (f 00.5) 1.5.5 (let x.y = 2; in x.y) ]
