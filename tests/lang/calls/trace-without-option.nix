let f = x: g x; g = x: h x; h = x: i x; i = x: x.a; in f { b = 1; }
