let l = x: builtins.foldl' (a: b: [ a ]) [ x ] (builtins.genList (x: x) 100000); in l 1 == l 1
