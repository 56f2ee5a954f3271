nix eval --expr 1 --file f.nix
