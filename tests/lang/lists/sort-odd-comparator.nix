[ (builtins.sort (a: b: true) [ 1 2 3 4 5 ]) (builtins.sort (a: b: false) [ 3 1 2 ]) (builtins.sort (a: b: a <= b) [ 2 1 2 1 3 ]) ]
