rec { a = b; b = c.d; c = { d = 1; }; inherit (c) d; e.f = a; e.g = e.f; ${"dyn"} = a; }
