builtins.foldl' (a: b: throw "result of ${toString b}") 0 [ 1 2 ]
