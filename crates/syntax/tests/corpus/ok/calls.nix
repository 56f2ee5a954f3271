f: a: [ (f a) (f a a) ((f a) a) (f (f a)) (f a.b a) (f { } [ ] "" '''' 1 1.5 ./a) (f -a) ((-f) a) (f rec { } let { }) ((a - f) a) ((f < a) f) ((f <= a) f) (<x> f a) ]
