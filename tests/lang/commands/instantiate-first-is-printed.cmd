nix-instantiate --eval f.nix -A a -A zzz
