builtins ? fetchClosure
