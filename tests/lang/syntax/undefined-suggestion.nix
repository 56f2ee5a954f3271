let foobar = 1; in fooba
