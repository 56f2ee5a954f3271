s: { a = { inherit (s) x; p = 1; }; a = { inherit (s.b) y; inherit (s.c) z; inherit s; }; a.q = 2; }
