nix eval --option experimental-features '' --expr 1
