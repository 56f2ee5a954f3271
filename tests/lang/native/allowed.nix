map (n: builtins ? ${n}) [ "exec" "importNative" ]
