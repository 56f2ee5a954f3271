let s = {
  a = 1;
    b = 2;
  inherit (s) c;
}; p = n: let q = builtins.unsafeGetAttrPos n s; in [ q.line q.column (baseNameOf q.file) ]; in map p [ "a" "b" "c" ]
