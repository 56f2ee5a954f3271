{ a.b = 1; s = "str"; t = throw "T"; f = x: x; l = [ 1 2 ]; d = derivation { name = "d"; system = "x86_64-linux"; builder = "/b"; }; }
