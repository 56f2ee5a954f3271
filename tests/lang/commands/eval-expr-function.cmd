nix eval --expr '{ x }: x'
