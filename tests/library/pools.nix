# Arguments for the probes: for every kind, Nix expressions as text. `lib` is in scope.
{
  int = [ "0" "1" "2" "(-3)" "7" "1000000" ];
  nat = [ "0" "1" "2" "5" ];
  num = [ "0" "1" "(-7)" "2.5" "(-0.25)" ];
  bool = [ "true" "false" ];
  bits = [ "0" "1" "255" "1024" "2863311530" ];
  any = [ "null" "true" "1" "1.5" ''"s"'' "[ 1 [ 2 ] ]" "{ a.b = 1; }" "(x: x)" "{ __functor = s: x: x; }" ];
  plain = [ "null" "true" "12" "1.5" ''"s t"'' ''[ 1 "b" [ null ] ]'' ''{ a.b = 1; "c d" = [ ]; }'' ];
  str = [ ''""'' ''"a"'' ''"hello world"'' ''"a.b-c/d"'' ''"it's \"x\" $y\n"'' ''"äöü"'' ];
  word = [ ''""'' ''"a"'' ''"hello"'' ''"HelloWorld"'' ''"foo-bar_baz.qux"'' ];
  sep = [ ''""'' ''","'' ''", "'' ''"."'' ];
  strs = [ "[ ]" ''[ "a" ]'' ''[ "a" "b" "c" ]'' ''[ "b" "" "a" "b" ]'' ''[ "x y" "z'" ]'' ];
  ints = [ "[ ]" "[ 1 ]" "[ 3 1 2 ]" "[ 1 1 2 3 5 8 ]" "[ (-1) 0 10 ]" ];
  list = [ "[ ]" ''[ 1 "a" ]'' "[ 3 1 2 3 ]" ''[ [ 1 ] { a = 2; } null ]'' ];
  lists = [ "[ ]" "[ [ ] ]" "[ [ 1 2 ] [ 3 ] ]" ''[ [ "a" ] [ ] [ "b" "a" ] ]'' ];
  nested = [ "[ ]" "[ 1 [ 2 [ 3 [ ] ] ] ]" "5" ''[ { a = [ 1 ]; } "x" ]'' ];
  pred = [ "(x: true)" "(x: false)" "(x: x == 1)" ''(x: lib.isString x)'' "(x: x == 3)" ];
  predInt = [ "(x: true)" "(x: false)" "(x: x > 1)" "(x: lib.mod x 2 == 0)" ];
  predStr = [ "(x: true)" "(x: false)" ''(x: x == "a")'' "(x: builtins.stringLength x > 3)" ];
  fun = [ "(x: x)" "(x: [ x ])" "(x: null)" ];
  funInt = [ "(x: x)" "(x: x + 1)" "(x: x * x)" ];
  funStr = [ "(x: x)" ''(x: x + "!")'' ''(x: "<''${x}>")'' ];
  funList = [ "(x: [ x ])" "(x: [ ])" "(x: [ x x ])" ];
  op = [ "(a: b: a)" "(a: b: b)" "(a: b: [ a b ])" ];
  opInt = [ "(a: b: a + b)" "(a: b: a - b)" "(a: b: a * b)" ];
  less = [ "(a: b: a < b)" "(a: b: a > b)" ];
  eq = [ "(a: b: a == b)" "(a: b: false)" "(a: b: true)" ];
  attrs = [ "{ }" "{ a = 1; }" ''{ a = 1; b = "x"; c = null; }'' ''{ a.b.c = 1; d = [ 1 { e = 2; } ]; "f g" = true; }'' ];
  attrsInt = [ "{ }" "{ a = 1; }" "{ a = 3; b = 1; c = 2; }" ];
  attrsStr = [ "{ }" ''{ a = "x"; }'' ''{ b = "y z"; a = "it's"; "c-d" = ""; }'' ];
  attrsList = [ "{ }" "{ a = [ 1 ]; }" "{ a = [ 1 2 ]; b = [ 3 4 ]; }" "{ x = [ ]; y = [ 1 ]; }" ];
  deep = [ "{ }" "{ a.b.c = 1; a.d = 2; e = 3; }" "{ a = { x = null; y.z = [ 1 ]; }; b = { }; }" ];
  deepStr = [ ''{ a.b = "x"; c = "y"; }'' ''{ p.q.r = "1"; p.s = "2"; }'' "{ }" ];
  name = [ ''"a"'' ''"b"'' ''"zz"'' ];
  names = [ "[ ]" ''[ "a" ]'' ''[ "a" "zz" ]'' ''[ "c" "a" "b" ]'' ];
  attrPath = [ "[ ]" ''[ "a" ]'' ''[ "a" "b" ]'' ''[ "a" "b" "c" ]'' ''[ "zz" "y" ]'' ];
  listOfAttrs = [ "[ ]" "[ { a = 1; } ]" "[ { a = 1; b = 2; } { a = 3; } { c = 4; b = 5; } ]" ];
  pairs = [ "[ ]" ''[ { name = "x"; value = 1; } ]'' ''[ { name = "x"; value = 1; } { name = "y"; value = 2; } { name = "x"; value = 3; } ]'' ];
  version = [ ''"1"'' ''"1.2"'' ''"1.2.3"'' ''"1.10"'' ''"2.0pre1"'' ''"1.2.3-rc.1"'' ''"2.0"'' ];
  subpath = [ ''"."'' ''"./foo//bar/./baz/"'' ''"foo"'' ''"a/b/c"'' ''""'' ''"/abs"'' ''"a/../b"'' ''"./.."'' ''".foo/..bar"'' ];
  path = [ "/." "/foo" "/foo/bar" "/foo/bar/baz" "/x/y" ];
  system = [ ''"x86_64-linux"'' ''"aarch64-darwin"'' ''"i686-linux"'' ''"armv7l-linux"'' ''"riscv64-linux"'' ''"x86_64-windows"'' ''"mips64el-linux"'' ''"wasm32-wasi"'' ''"powerpc64le-linux"'' ''"x86_64-freebsd"'' ''"avr-none"'' ''"s390x-linux"'' ];
  drv = [
    ''(builtins.derivation { name = "n-1.0"; system = "s"; builder = "b"; } // { meta = { }; })''
    ''{ type = "derivation"; name = "p-2.1"; pname = "p"; version = "2.1"; outPath = "/nix/store/x"; out = { outPath = "/nix/store/x"; }; dev = { outPath = "/nix/store/x-dev"; }; bin = { outPath = "/nix/store/x-bin"; }; outputs = [ "out" "dev" "bin" ]; meta = { mainProgram = "prog"; description = "d"; platforms = [ "x86_64-linux" ]; }; }''
    ''{ type = "derivation"; name = "q"; outPath = "/nix/store/q"; meta.priority = 3; }''
  ];
  pkgs = [ "[ ]" ''[ "/nix/store/a" ]'' ''[ { outPath = "/s/a"; bin = { outPath = "/s/a-bin"; }; dev = { outPath = "/s/a-dev"; }; lib = { outPath = "/s/a-lib"; }; } null "/s/b" ]'' ];
  def = [
    "[ ]"
    ''[ { file = "f"; value = 1; } ]''
    ''[ { file = "f"; value = "a"; } { file = "g"; value = "a"; } ]''
    ''[ { file = "f"; value = "a"; } { file = "g"; value = "b"; } ]''
    ''[ { file = "f"; value = [ 1 2 ]; } { file = "g"; value = [ 3 ]; } ]''
    ''[ { file = "f"; value = { a = 1; }; } { file = "g"; value = { b = "x"; }; } ]''
    ''[ { file = "f"; value = true; } { file = "g"; value = false; } ]''
    ''[ { file = "f"; value = 2; } { file = "g"; value = 2; } ]''
    ''[ { file = "f"; value = null; } { file = "g"; value = null; } ]''
    ''[ { file = "f"; value = null; } { file = "g"; value = 3; } ]''
    ''[ { file = "f"; value = x: [ x ]; } { file = "g"; value = x: [ x 2 ]; } ]''
    ''[ { file = "f"; value = 1.5; } ]''
    ''[ { file = "f"; value = ./.; } ]''
    ''[ { file = "f"; value = "/etc/x"; } ]''
    ''[ { file = "f"; value = "line\n"; } ]''
    ''[ { file = "f"; value = -5; } ]''
    ''[ { file = "f"; value = 70000; } ]''
    ''[ { file = "f"; value = lib.mkForce "x"; } { file = "g"; value = "y"; } ]''
    ''[ { file = "f"; value = lib.mkIf false 1; } { file = "g"; value = lib.mkMerge [ 1 1 ]; } ]''
    ''[ { file = "f"; value = { a = lib.mkDefault 1; b = lib.mkIf false 2; }; } { file = "g"; value = { a = 5; }; } ]''
    ''[ { file = "f"; value = [ { a = 1; } { b = "s"; } ]; } { file = "g"; value = lib.mkBefore [ { z = 1; } ]; } ]''
    ''[ { file = "f"; value = { foo = "bar"; }; } ]''
    ''[ { file = "f"; value = { enable = true; }; } { file = "g"; value = { port = 3; }; } ]''
  ];
  # Evaluated with the names of `lib.types`.
  type = [
    ''raw''
    ''anything''
    ''unspecified''
    ''bool''
    ''boolByOr''
    ''int''
    ''ints.unsigned''
    ''ints.positive''
    ''ints.u8''
    ''ints.s16''
    ''(ints.between 0 10)''
    ''port''
    ''float''
    ''number''
    ''numbers.nonnegative''
    ''numbers.positive''
    ''(numbers.between 1 2)''
    ''str''
    ''nonEmptyStr''
    ''singleLineStr''
    ''(strMatching "[ab]+")''
    ''(separatedString "+")''
    ''lines''
    ''commas''
    ''envVar''
    ''(passwdEntry str)''
    ''attrs''
    ''package''
    ''path''
    ''pathInStore''
    ''externalPath''
    ''(pathWith { absolute = true; })''
    ''(pathWith { inStore = false; absolute = true; })''
    ''(listOf int)''
    ''(listOf str)''
    ''(nonEmptyListOf int)''
    ''(attrsOf int)''
    ''(attrsOf anything)''
    ''(lazyAttrsOf int)''
    ''(attrsWith { elemType = int; lazy = true; placeholder = "n"; })''
    ''(attrListOf int)''
    ''(attrListWith { elemType = str; })''
    ''(attrTag { a = mkOption { type = int; }; foo = mkOption { type = str; }; })''
    ''luaInline''
    ''(uniq int)''
    ''(unique { message = "msg"; } int)''
    ''(nullOr int)''
    ''(functionTo (listOf int))''
    ''(submodule { options.a = mkOption { type = int; default = 7; }; })''
    ''(submodule { freeformType = attrsOf str; options.a = mkOption { type = int; default = 7; }; })''
    ''(submodule ({ name, ... }: { options.foo = mkOption { default = name; }; }))''
    ''(submoduleWith { modules = [ { options.enable = mkEnableOption "x"; options.port = mkOption { type = port; default = 80; }; } ]; description = "thing"; })''
    ''(submoduleWith { modules = [ ]; shorthandOnlyDefinesConfig = true; })''
    ''(attrsOf (submodule { options.z = mkOption { type = int; default = 0; }; }))''
    ''deferredModule''
    ''(deferredModuleWith { staticModules = [ ]; })''
    ''optionType''
    ''(enum [ "a" "b" 1 null ])''
    ''(enum [ ])''
    ''(either int str)''
    ''(either (listOf int) (attrsOf int))''
    ''(oneOf [ int bool path ])''
    ''(coercedTo int toString str)''
    ''(coercedTo (listOf int) (l: { a = length l; }) (attrsOf int))''
    ''(addCheck int (x: x > 1))''
    ''(nullOr (either int (enum [ "a" ])))''
    ''(listOf (either int (listOf str)))''
    ''(attrsOf (nullOr bool))''
    ''json''
    ''(serializableValueWith { typeName = "Y"; })''
    ''toml''
    ''(lazyAttrsOf (attrsOf int))''
    ''(listOf (attrTag { a = mkOption { type = int; }; }))''
  ];
  value = [
    "1" "(-1)" "300" "1.5" "true" ''"a"'' ''""'' ''"two words"'' ''"line\n"'' "null" "[ ]" "[ 1 2 ]" ''[ "a" null ]''
    "{ }" "{ a = 1; }" ''{ a = "x"; }'' ''{ foo = "bar"; a = 2; }'' "(x: [ x ])" "./tree" ''"/abs/path"''
    ''"/nix/store/0c6c2b0qk1l1s6cmiq8v40flyb2rzvcz-x"'' ''{ type = "derivation"; name = "d"; outPath = "/nix/store/d"; }''
    "(mkForce 3)" ''(mkIf false "x")'' "(mkMerge [ 1 1 ])" "(mkMerge [ [ 1 ] (mkBefore [ 2 ]) ])" ''(mkOrder 5 "a")''
    ''{ _type = "lua-inline"; expr = "e"; }'' "{ a = mkIf false 1; }" "{ enable = true; }" "lib.types.int" "{ z.z = 2; }"
    "[ { a = 1; } ]"
  ];
}
