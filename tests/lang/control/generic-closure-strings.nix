map (x: x.key) (builtins.genericClosure { startSet = [ { key = "b"; } { key = "a"; } ]; operator = { key, ... }: if builtins.stringLength key < 3 then [ { key = key + "x"; } ] else [ ]; })
