builtins.deepSeq { a.b = [ (throw "inside") ]; } 2
