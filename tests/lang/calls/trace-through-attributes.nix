let a = { b = c.d; }; c = { d = 1 + null; }; in a.b
