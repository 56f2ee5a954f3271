let a = 1; b = 2; s = { }; in { inherit; inherit a; inherit b; inherit (s); inherit (s) c d; inherit (s) "e" ${"f"} or; z = 1; inherit ({ }) y x; }
