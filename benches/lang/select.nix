# Attribute selection: small and large sets, paths, defaults, `?`, `inherit` and `with`.
{ n ? 200000 }:
let
  numbers = builtins.genList (i: i) 300;
  large = builtins.listToAttrs (map (i: { name = "key${toString i}"; value = i; }) numbers);
  small = { a = 1; b.c.d = 2; };
  step = sum: i: with large;
    sum + small.a + small.b.c.d + large.key7 + large.key250 + (large.none or 1) + key100
    + (if large ? key9 && !(small ? z) then 1 else 0) + (let inherit (large) key1 key2; in key1 + key2);
in
builtins.foldl' step 0 (builtins.genList (i: i) n)
