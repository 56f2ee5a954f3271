# Calls: curried, partly applied, recursive, with formals and defaults, through `__functor`.
{ n ? 60000 }:
let
  add = a: b: c: a + b + c;
  more = add 1 2;
  formals = { x, y ? x + 1, ... }: x + y;
  counter = { start = 3; __functor = self: x: self.start + x; };
  fib = k: if k < 2 then k else fib (k - 1) + fib (k - 2);
  step = sum: i: sum + add i 1 2 + more i + formals { x = i; z = 0; } + formals { x = i; y = 1; } + counter i;
in
builtins.foldl' step (fib (if n > 10000 then 24 else 14)) (builtins.genList (i: i) n)
