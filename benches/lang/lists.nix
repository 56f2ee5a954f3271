# `map`, `filter`, `foldl'`, `sort`, `concatLists`, `genericClosure`, `groupBy`.
{ n ? 60000 }:
let
  scramble = i: let m = i * 7919 + 13; in m - m / 10007 * 10007;
  list = builtins.genList scramble n;
  sorted = builtins.sort builtins.lessThan list;
  downwards = builtins.sort (a: b: a > b) list;
  groups = builtins.groupBy (i: toString (i - i / 10 * 10)) list;
  closure = builtins.genericClosure {
    startSet = [ { key = 0; } ];
    operator = { key }: map (k: { key = k; }) (builtins.filter (k: k < n / 4) [ (key * 2 + 1) (key * 2 + 2) ]);
  };
  sum = builtins.foldl' (a: b: a + b) 0;
in
sum (map (i: i + 1) list) + builtins.elemAt sorted (n / 2) + builtins.head downwards
+ builtins.length closure + sum (map builtins.length (builtins.attrValues groups))
+ builtins.length (builtins.concatLists (map (i: [ i i ]) list))
