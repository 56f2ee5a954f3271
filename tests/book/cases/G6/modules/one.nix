{ l = [ "one" ]; }
