let a = 1; inherit (s) x; s = rec { x.y."z w" = -1; ${"d"} = a: { b, c ? 1, ... }@e: with b; if !c then assert b; [ c ] else b.x or c ? d.e; }; in "a${b}c" + ''x'' + ./y + a && b -> c // d ++ e
