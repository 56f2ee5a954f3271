builtins.genericClosure { startSet = [ { key = 1; } { key = 1; n = 2; } ]; operator = i: if i.key < 4 then [ { key = i.key + 1; from = i.key; } { key = i.key * 2; } ] else [ ]; }
