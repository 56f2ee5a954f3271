[ (builtins.typeOf <x>) (let __findFile = p: n: n; in <foo/bar.nix>) (let __nixPath = [ { prefix = ""; path = "/"; } ]; in <nope-is-not-there>) ]
