nix-instantiate --eval --strict --json -E '{ a = 1.0e300; b = 0.1; c = 100000000000000000000.0; d = 1.0e-7; }'
