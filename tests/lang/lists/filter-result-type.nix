builtins.filter (x: 1) [ 2 ]
