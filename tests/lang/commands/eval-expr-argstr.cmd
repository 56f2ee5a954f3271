nix eval --expr '{ x }: x' --argstr x hi
