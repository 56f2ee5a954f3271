nix-instantiate --eval f.nix -A a --arg a 5
