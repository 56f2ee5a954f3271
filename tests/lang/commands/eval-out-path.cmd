nix eval --read-only -f f.nix drv.outPath
