builtins.fromJSON ''{ "a": [ 1, -2, 1.5, 1e3, 1E-2, true, false, null ], "b": { "c": "x\u00e9\n\"\\\/\ud83d\ude00" }, "a b": {}, "d": [], "d": 1 }''
