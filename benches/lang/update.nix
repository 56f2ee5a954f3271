# `//`: small sets of few shapes, a large left side, overriding chains, `removeAttrs` and `intersectAttrs`.
{ n ? 40000 }:
let
  large = builtins.listToAttrs (builtins.genList (i: { name = "p${toString i}"; value = i; }) 2000);
  step = sum: i:
    let
      a = { inherit i; x = 1; y = 2; meta = { }; };
      b = a // { y = 3; z = 4; } // (if i / 2 * 2 == i then { even = true; } else { odd = true; });
      c = large // { p7 = i; extra = i; };
      d = removeAttrs b [ "x" "meta" ];
      e = builtins.intersectAttrs { z = 0; i = 0; none = 0; } b;
    in
    sum + b.y + b.i + c.p7 + c.p1999 + d.z + e.i;
in
builtins.foldl' step 0 (builtins.genList (i: i) n)
