nix eval --read-only --json --expr '{ d = derivation { name = "d"; system = "x"; builder = "b"; }; }'
