builtins.convertHash { hash = "900150"; hashAlgo = "md5"; toHashFormat = "sri"; }
