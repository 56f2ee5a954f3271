nix-instantiate --foo
