[ (toString [ "a" [ ] "b" ]) (toString [ [ ] ]) (toString [ "" "" ]) (toString [ true false null ]) (toString { __toString = s: "x"; }) (toString (-0.0)) (toString 1.0e10) (toString 0.1) ]
