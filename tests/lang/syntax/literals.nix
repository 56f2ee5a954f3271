[ 0 1 007 9223372036854775807 1.5 .5 0.5 1.e3 1.5E-3 "a" ''b'' null true false http://example.org/x?y=1&z=%20 ./a ./a/b.c ../x/../y a/b /a/b/./c ]
