builtins.addDrvOutputDependencies "${derivation { name = "d"; system = "x"; builder = "y"; }}"
