builtins.deepSeq { a = [ { b = 1; } ]; } (builtins.deepSeq (let x = { y = x; }; in x) 2)
