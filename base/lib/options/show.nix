# Options, files and definitions as text for messages.
{ lib }:
let
  inherit (builtins)
    concatStringsSep
    head
    length
    match
    tryEval
    ;
  inherit (lib.strings) concatMapStrings splitString;

  # Parts of a path that stand for any name are shown as they are.
  placeholders = [
    "*"
    "<function body>"
  ];

  showPart =
    part:
    let
      escaped = lib.strings.escapeNixIdentifier part;
    in
    if
      escaped == part || !builtins.elem part placeholders && match "<[a-zA-Z0-9_' -]*>" part == null
    then
      escaped
    else
      part;

  showValue =
    value:
    let
      text = tryEval (
        let
          shown = lib.generators.toPretty { } (
            lib.generators.withRecursion {
              depthLimit = 10;
              throwOnDepthLimit = false;
            } value
          );
        in
        builtins.seq shown shown
      );
      lines = splitString "\n" text.value;
      # The rest hardly ever helps.
      shown = if length lines > 5 then lib.lists.take 5 lines ++ [ "..." ] else lines;
    in
    # A value that can't be evaluated is no reason to say nothing about the rest.
    if !text.success then
      ""
    else if length shown == 1 then
      ": ${head shown}"
    else
      ":\n    ${concatStringsSep "\n    " shown}";
in
{
  /**
    The file of a module that has none.

    # Type
    `unknownModule :: String`
  */
  unknownModule = "<unknown-file>";

  /**
    An option's path as text.

    # Type
    `showOption :: [ String ] -> String`

    # Example
    ```nix
    map showOption [ [ "foo" "bar" ] [ "foo" "b.c" ] [ "foo" "<name>" ] ]
    => [ "foo.bar" "foo.\"b.c\"" "foo.<name>" ]
    ```
  */
  showOption = parts: concatStringsSep "." (map showPart parts);

  /**
    Files as text.

    # Type
    `showFiles :: [ String ] -> String`

    # Example
    ```nix
    showFiles [ "/a.nix" "/b.nix" ]
    => "`/a.nix' and `/b.nix'"
    ```
  */
  showFiles = files: concatStringsSep " and " (map (file: "`${file}'") files);

  /**
    Definitions as text, a line or more for each: file and value; long values are cut.

    # Type
    `showDefs :: [ Definition ] -> String`

    # Example
    ```nix
    options.showDefs [ { file = "/a.nix"; value = 1; } ]
    => "\n- In `/a.nix': 1"
    ```
  */
  showDefs = concatMapStrings (def: "\n- In `${def.file}'${showValue def.value}");

  /**
    An option and the files in which it is defined.

    # Type
    `showOptionWithDefLocs :: { loc, files, … } -> String`

    # Example
    ```nix
    showOptionWithDefLocs { loc = [ "x" ]; files = [ "/a.nix" ]; }
    => "x, with values defined in:\n  - /a.nix\n"
    ```
  */
  showOptionWithDefLocs =
    opt:
    "${concatStringsSep "." (map showPart opt.loc)}, with values defined in:\n${
      concatMapStrings (file: "  - ${file}\n") opt.files
    }";
}
