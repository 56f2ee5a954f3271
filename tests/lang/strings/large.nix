let double = n: s: if n == 0 then s else double (n - 1) (s + s); in builtins.stringLength (double 24 "x")
