let f = builtins.toFile "name.txt" "contents"; in [ f (builtins.hasContext f) (builtins.toFile "other" f) ]
