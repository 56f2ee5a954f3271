nix-instantiate --eval --strict -E 'let r = [ r ]; in r'
