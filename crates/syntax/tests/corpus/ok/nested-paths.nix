{ b.c.d = 1; b.c.e = 2; b.a = 3; a = { x = 1; }; a.y = 2; a.z.w = 3; c.x = 1; c = { y = 2; inherit ({ }) k; }; "q"."r" = 1; q.s = 2; }
