nix eval --impure --expr 'import (derivation { name = "d"; system = "x86_64-linux"; builder = "/bin/false"; })' --option allow-import-from-derivation false --read-only
