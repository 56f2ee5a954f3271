builtins.groupBy (x: 1) [ 2 ]
