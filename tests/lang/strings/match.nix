[ (builtins.match "ab" "abc") (builtins.match "(.*)-([0-9]+)" "name-12") (builtins.match "a(b)?(c)?" "ac") (builtins.match "[[:space:]]*([^ ]+)[[:space:]]*" "  x ") (builtins.match "a|b|(c)" "b") (builtins.match "" "") (builtins.match ".*" "a
b") (builtins.match "[]a-]+" "]-a") (builtins.match "a{2,3}" "aaa") (builtins.match "x{,2}" "x") ]
