nix eval -I x=. --impure --expr '<x/g.nix>'
