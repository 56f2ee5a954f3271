[ 1 ] ++ [ 2 ] == [ 1 2 ] && (1 < 2) != false -> true -> true
