[ { a = rec { x = 1; y = x; }; a = { z = 2; }; } { a.x = 1; a = rec { y = 2; }; } { a = rec { x = 1; }; a.b = x: x; } ]
