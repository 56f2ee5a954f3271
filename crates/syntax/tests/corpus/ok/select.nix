s: [ s.a s.a.b s."a b" s.${"a"} s.${s} s."a${s}" s.or s.a.or.b (s.a or 1) (s.a.b or s.c or s.d) (s.a or s.b 1) ({ }.a or { }.b or 3) s.a.or ]
