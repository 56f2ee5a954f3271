{ a = [ 1 1.5 null "x" ]; b.c = true; }
