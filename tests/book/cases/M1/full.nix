{ imports = [ ]; options = { }; config = { greeting = "hello"; }; }
