builtins.all (x: null) [ 2 ]
