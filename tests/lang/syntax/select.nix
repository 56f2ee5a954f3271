let s = { a.b.c = 1; "x y" = 2; z = null; }; in [ s.a.b.c s."x y" s.${"a"}.b.c (s.q or 3) (s.a.q.r or 4) (s.z.y or 5) (s.a or 9).b.c s.a.b.c or 7 ]
