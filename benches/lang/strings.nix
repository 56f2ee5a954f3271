# Building and taking apart strings.
{ n ? 30000 }:
let
  line = i: "line ${toString i}: ${builtins.substring 0 5 "abcdefgh"} ${builtins.concatStringsSep "," [ "a" "b" (toString i) ]}";
  text = builtins.concatStringsSep "\n" (builtins.genList line n);
  words = builtins.filter builtins.isString (builtins.split "[ \n]+" (builtins.substring 0 20000 text));
  clean = builtins.replaceStrings [ "line" "e" ] [ "row" "E" ] text;
  matched = builtins.filter (w: builtins.match "[a-z]+([0-9]*)" w != null) words;
in
builtins.stringLength clean + builtins.length words + builtins.length matched
+ builtins.stringLength (builtins.hashString "sha256" clean) + builtins.stringLength (builtins.toJSON words)
