nix-instantiate --eval --restrict-eval -I x=. -E 'builtins.readFile <x/g.nix>'
