# The examples in the library's doc comments, as tests. An example is a fenced block of Nix in which a line that
# begins with `=> ` ends the expression and begins its value.
#
# The examples of a file become an expression in the store, so evaluation must be allowed to write there.
{ lib }:
let
  inherit (builtins)
    concatLists
    concatMap
    concatStringsSep
    elemAt
    filter
    isString
    length
    match
    readFile
    split
    tail
    ;
  inherit (lib.strings) hasPrefix hasSuffix removePrefix splitString;

  root = toString ../.;

  files = filter (file: hasSuffix ".nix" file && !hasPrefix "${root}/tests/" file) (
    map toString (lib.filesystem.listFilesRecursive ../.)
  );

  # Blocks of Nix in the doc comments of a text.
  blocksOf =
    text:
    let
      comments = map (part: builtins.head (split "[*]/" part)) (
        filter isString (tail (split "/[*][*]\n" text))
      );
      blocksIn =
        comment: map (part: builtins.head (split "```" part)) (filter isString (tail (split "```nix\n" comment)));
    in
    concatMap blocksIn comments;

  # `{ expr, expected }` of a block, as text; null if it isn't an example with a value.
  exampleOf =
    block:
    let
      lines = map (line: elemAt (match " *(.*)" line) 0) (splitString "\n" block);
      at = lib.lists.findFirstIndex (hasPrefix "=> ") null lines;
    in
    if at == null then
      null
    else
      {
        expr = concatStringsSep "\n" (lib.lists.take at lines);
        expected = removePrefix "=> " (concatStringsSep "\n" (lib.lists.drop at lines));
      };

  examplesOf = file: filter (example: example != null) (map exampleOf (blocksOf (readFile file)));

  # All examples of a file, as an expression.
  source =
    examples:
    "lib: with lib; [\n"
    + lib.strings.concatMapStrings (
      example: "{ expr = (\n${example.expr}\n); expected = (\n${example.expected}\n); }\n"
    ) examples
    + "]";

  run =
    file:
    let
      examples = examplesOf file;
      results = import (builtins.toFile "examples.nix" (
        builtins.unsafeDiscardStringContext (source examples)
      )) lib;
      name = n: "${removePrefix "${root}/" file}: ${(elemAt examples n).expr}";
      check =
        n:
        let
          result = elemAt results n;
          actual = builtins.tryEval (builtins.deepSeq result.expr result.expr);
        in
        if !actual.success then
          [
            {
              name = name n;
              inherit (result) expected;
              result = "an error";
            }
          ]
        else if actual.value != result.expected then
          [
            {
              name = name n;
              inherit (result) expected;
              result = actual.value;
            }
          ]
        else
          [ ];
    in
    if examples == [ ] then [ ] else concatLists (builtins.genList check (length examples));
in
{
  # Those that don't give what they say.
  failures = concatMap run files;

  # How many there are.
  count = lib.lists.foldl' (n: file: n + length (examplesOf file)) 0 files;
}
