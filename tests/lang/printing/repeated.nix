let a = { x = 1; }; l = [ a ]; in [ a a l l [ ] [ ] { } { } (let r = { self = r; }; in r) ]
