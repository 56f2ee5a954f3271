{ imports = [ ./implied.nix ]; }
