nix eval --expr '{ f = x: x; t = throw "x"; }'
