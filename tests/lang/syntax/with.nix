with { a = 1; b = 2; }; [ a b (with { a = 3; }; a) (let a = 4; in with { a = 5; }; a) ]
