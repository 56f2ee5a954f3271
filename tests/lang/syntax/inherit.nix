let a = 1; s = { b = 2; "c d" = 3; e = 4; }; in { inherit a; inherit (s) b "c d" ${"e"}; inherit; inherit (s); }
