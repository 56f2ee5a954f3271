let double = n: s: if n == 0 then s else double (n - 1) (s + s); in builtins.match "(x|y)*" (double 20 "x")
