builtins.path { path = ./folder; name = "a b"; }
