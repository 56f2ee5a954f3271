# All probes: expressions in which `lib` and its attributes are in scope, one a line.
#
#     nix-instantiate --eval --raw generate.nix > cases
#
# `limit`: how many combinations of arguments of one line are taken at most; `topic`: only that topic.
{
  limit ? 40,
  topic ? null,
}:
let
  inherit (builtins)
    concatMap
    concatStringsSep
    elemAt
    filter
    foldl'
    genList
    isList
    isString
    length
    match
    split
    ;
  written = import ./pools.nix;
  pools = written // { type = map (text: "(with lib.types; ${text})") written.type; };
  strip = s: let m = match "[[:space:]]*(.*[^[:space:]])[[:space:]]*" s; in if m == null then "" else elemAt m 0;
  linesOf = text: filter (line: isString line && line != "" && match "#.*" line == null) (split "\n" text);
  splitOn = separator: text: map strip (filter isString (split separator text));

  product = foldl' (acc: pool: concatMap (left: map (right: left ++ [ right ]) pool) acc) [ [ ] ];

  # At most `most` elements, spread over the whole list.
  thin =
    most: list:
    let
      count = length list;
    in
    if count <= most then list else genList (i: elemAt list (i * count / most)) most;

  # The pools that a text names: names of kinds, and `{{ a ;; b }}` for expressions of its own.
  poolsOf =
    text:
    concatMap (
      part:
      if isList part then
        [ (splitOn ";;" (elemAt part 0)) ]
      else
        map (kind: pools.${kind}) (filter (kind: isString kind && kind != "") (split " +" part))
    ) (split "\\{\\{ ([^}]*) }}" text);

  apply = function: arguments: concatStringsSep " " ([ function ] ++ arguments);

  expressionsOf =
    topic: line:
    let
      literal = match "- (.*)" line;
      function = match "@ (.*) :: (.*)" line;
      named = match "([^ :]+): (.*)" line;
    in
    if literal != null then
      literal
    else if function != null then
      map (apply (elemAt function 0)) (thin (limit * 12) (product (poolsOf (elemAt function 1))))
    else if named != null then
      map (apply "lib.${topic}.${elemAt named 0}") (thin limit (product (poolsOf (elemAt named 1))))
    else
      throw "${topic}: no probe: ${line}";

  topics =
    if topic != null then
      [ topic ]
    else
      map (name: elemAt (match "(.*)[.]txt" name) 0) (builtins.attrNames (builtins.readDir ./probes));
  cases = concatMap (
    topic: concatMap (expressionsOf topic) (linesOf (builtins.readFile (./probes + "/${topic}.txt")))
  ) topics;
in
concatStringsSep "" (map (text: text + "\n") cases)
