(builtins.mapAttrs (n: v: throw "for ${n}") { a = 1; }).a
