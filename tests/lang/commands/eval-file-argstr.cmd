nix eval -f f.nix b --argstr b 7
