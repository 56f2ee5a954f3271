let s = builtins.trace "once" { a = 1; b = 2; }; x = { inherit (s) a b; }; in x.a + x.b
