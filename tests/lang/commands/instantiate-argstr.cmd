nix-instantiate --eval f.nix -A b --argstr b y
