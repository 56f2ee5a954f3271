let l = builtins.foldl' (a: b: [ a ]) [ ] (builtins.genList (x: x) 100000); in builtins.toJSON l
