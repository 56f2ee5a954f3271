let f = x: g x; g = x: x.a; in f { b = 1; }
