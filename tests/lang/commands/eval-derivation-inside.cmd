nix eval --read-only --expr '{ d = derivation { name = "d"; system = "x"; builder = "b"; }; }'
