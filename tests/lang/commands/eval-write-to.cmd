d=$(mktemp -d); nix eval --write-to $d/w --expr '{ a = "1"; b.c = "2"; }'; cd $d; grep -r . w | sort; rm -r $d
