d=$(mktemp -d); nix eval --write-to $d/w --expr '"plain"'; cat $d/w; rm -r $d
