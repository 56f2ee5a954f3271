derivation { name = "dd"; system = "x86_64-linux"; builder = "/b"; outputs = [ "out" "dev" ]; }
