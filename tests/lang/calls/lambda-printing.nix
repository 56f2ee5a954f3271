[ (x: x) (let named = y: y; in named) builtins.map (builtins.map (x: x)) ]
