{ a = { x = 1; }; a.y = 2; b.c = 3; b = { d = 4; }; c = rec { p = 1; q = p; }; c.r = 2; }
