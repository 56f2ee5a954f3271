{ foobar = 1; foobaz = 2; fooba = 3; }.foobax
