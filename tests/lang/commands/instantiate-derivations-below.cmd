nix-instantiate --readonly-mode f.nix -A drvs
