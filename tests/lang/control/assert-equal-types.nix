assert { a.b = [ "x" ]; } == { a.b = [ 1 ]; }; 1
