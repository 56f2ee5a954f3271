builtins.partition (x: 1) [ 2 ]
