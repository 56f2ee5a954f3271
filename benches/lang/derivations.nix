# Derivations that need each other: their paths, and so their hashes.
{ n ? 500 }:
let
  step = done: i:
    [ (derivation {
        name = "package-${toString i}";
        system = "x86_64-linux";
        builder = "/bin/sh";
        args = [ "-c" "echo $inputs > $out" ];
        outputs = if i / 3 * 3 == i then [ "out" "dev" ] else [ "out" ];
        inputs = builtins.genList (k: builtins.elemAt done k) (if builtins.length done < 4 then builtins.length done else 4);
        text = "some text that is part of package ${toString i}";
      }) ] ++ (if builtins.length done > 8 then builtins.genList (builtins.elemAt done) 8 else done);
in
builtins.unsafeDiscardStringContext (builtins.head (builtins.foldl' step [ ] (builtins.genList (i: i) n))).drvPath
