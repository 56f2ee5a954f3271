let a = 1; b = { c = 2; }; in with b; assert a == 1; if c == 2 then x: y: a else with { }; let in a
