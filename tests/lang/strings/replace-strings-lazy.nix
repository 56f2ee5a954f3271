builtins.replaceStrings [ "a" "x" ] [ "1" (throw "not needed") ] "abca"
