nix eval --read-only --impure --json --expr './h.nix'
