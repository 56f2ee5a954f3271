nix-instantiate --readonly-mode f.nix -A a
