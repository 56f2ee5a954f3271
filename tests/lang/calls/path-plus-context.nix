./a + "b${builtins.toFile "x" "y"}"
