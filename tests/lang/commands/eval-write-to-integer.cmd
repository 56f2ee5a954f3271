nix eval --write-to /tmp/never-written --expr 1
