# Scripts, data and joined trees of the package set, built and used: the derivation is there if all of it works.
let
  pkgs = import ../../base { system = "x86_64-linux"; };
  inherit (pkgs) writers;
  value = { a = 1; b.c = "x\ny"; b.d.e = [ 1 2 ]; l = [ { x = 1; } { y.z = 1.0; } ]; "k k" = true; m = [ [ 1 ] [ "a" ] ]; };
  one = pkgs.writeShellScriptBin "cc" "echo one";
  two = pkgs.writeShellScriptBin "cc" "echo two";
  joined = arguments: pkgs.buildEnv ({ name = "joined"; } // arguments);
in
pkgs.runCommand "interface-works" { } ''
  [ "$(${writers.writeBash "x" "echo hi"})" = hi ]
  [ "$(${writers.writeBashBin "x" { makeWrapperArgs = [ "--set" "A" "b" ]; } "echo $A"}/bin/x)" = b ]
  [ "$(${writers.writeDash "y" "echo dash"})" = dash ]
  [ "$(${writers.writePerlBin "p" { } ''print "perl\n";''}/bin/p)" = perl ]
  [ "$(${writers.writePython3Bin "x" { } "print(6 * 7)"}/bin/x)" = 42 ]
  [ "$(cat ${writers.writeJSON "x.json" { a = 1; }})" = '{"a":1}' ]
  [ "$(cat ${pkgs.substituteAll { src = pkgs.writeText "s" "v is @v@, @other@"; v = "1"; }})" = 'v is 1, @other@' ]
  [ "$(cat ${pkgs.replaceVars (pkgs.writeText "s" "v is @v@") { v = "1"; }})" = 'v is 1' ]

  grep -qx ${pkgs.hello} ${pkgs.writeClosure [ pkgs.hello ]}
  grep -q -- -libc6- ${pkgs.writeClosure [ pkgs.hello ]}
  [ -f ${pkgs.srcOnly pkgs.hello}/src/hello.c ]

  # Python reads the TOML as the same value as the JSON.
  ${pkgs.python3}/bin/python3 - ${writers.writeTOML "t" value} ${writers.writeJSON "j" value} <<'PY'
  import sys, tomllib, json
  assert tomllib.load(open(sys.argv[1], "rb")) == json.load(open(sys.argv[2]))
  PY

  # Of two packages of one priority with the same file the first wins where that is allowed; else the lower number.
  [ "$(${joined { ignoreCollisions = true; paths = [ one two ]; }}/bin/cc)" = one ]
  [ "$(${joined { ignoreCollisions = true; paths = [ two one ]; }}/bin/cc)" = two ]
  [ "$(${joined { paths = [ one (pkgs.lib.hiPrio two) ]; }}/bin/cc)" = two ]
  touch "$out"
''
