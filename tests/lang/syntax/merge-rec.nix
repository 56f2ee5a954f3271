{ a.x = 1; a = rec { y = x; }; x = 5; }
