map builtins.tryEval [ 1 (throw "x") (assert false; 1) { a = throw "deep"; } ]
