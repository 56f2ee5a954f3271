nix eval --raw --expr 'let n = 5000; l = builtins.foldl'"'"' (a: b: "(${a})") "1" (builtins.genList (x: x) n); in toString (builtins.stringLength l)'
