[ (1 ? a) ({ a = 1; } ? a.b) (null ? a.b.c) ]
