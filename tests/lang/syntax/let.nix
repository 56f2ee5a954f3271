let a = 1; b = a + 1; inherit (c) d e; c = { d = 3; e = 4; }; "q r" = 5; f.g.h = 6; in { inherit a b d e f; }
