# Command lines from attribute sets.
{ lib }:
let
  inherit (builtins)
    attrNames
    concatMap
    isBool
    isList
    stringLength
    ;
  inherit (lib.strings) escapeShellArgs;

  defaultText = lib.generators.mkValueStringDefault { };
in
rec {
  /**
    The arguments that a set of options means: null is left out, a list repeats its option. `optionFormat` tells
    of every option's name how it is written:

    - `option`: with its dashes
    - `sep`: what separates it from its value; null if they are arguments of their own
    - `explicitBool`: whether booleans are values as well; otherwise true is the option alone and false is left out
    - `formatArg`: a function that makes text of a value

    # Type
    `toCommandLine :: (String -> { option :: String; sep :: String | null; explicitBool :: Bool; formatArg? }) -> AttrSet -> [ String ]`

    # Example
    ```nix
    cli.toCommandLine (name: { option = "-${name}"; sep = "="; explicitBool = false; }) { v = true; q = false; e = [ "a" "b" ]; n = null; }
    => [ "-e=a" "-e=b" "-v" ]
    ```
  */
  toCommandLine =
    optionFormat: attrs:
    let
      render =
        name:
        let
          format = if name == "" then throw "lib.cli.toCommandLine: an option's name is empty" else optionFormat name;
          inherit (format) option sep explicitBool;
          formatArg = format.formatArg or defaultText;

          one =
            value:
            if value == null then
              [ ]
            else if isBool value && !explicitBool then
              (if value then [ option ] else [ ])
            else if sep == null then
              [
                option
                (formatArg value)
              ]
            else
              [ "${option}${sep}${formatArg value}" ];
          value = attrs.${name};
        in
        if isList value then concatMap one value else one value;
    in
    concatMap render (attrNames attrs);

  /**
    `toCommandLine` as text for the shell.

    # Type
    `toCommandLineShell :: (String -> OptionFormat) -> AttrSet -> String`
  */
  toCommandLineShell = optionFormat: attrs: escapeShellArgs (toCommandLine optionFormat attrs);

  /**
    The arguments that a set of options means, as GNU's programs take them: `-x1`, `--long=1`.

    # Type
    `toCommandLineGNU :: { isLong? :: String -> Bool; explicitBool ? false; formatArg? } -> AttrSet -> [ String ]`

    # Example
    ```nix
    cli.toCommandLineGNU { } { v = true; i = ".bak"; suite = [ "a" "b" ]; }
    => [ "-i.bak" "--suite=a" "--suite=b" "-v" ]
    ```
  */
  toCommandLineGNU =
    {
      isLong ? (name: stringLength name > 1),
      explicitBool ? false,
      formatArg ? defaultText,
    }:
    toCommandLine (
      name:
      if isLong name then
        {
          option = "--${name}";
          sep = "=";
          inherit explicitBool formatArg;
        }
      else
        {
          option = "-${name}";
          sep = "";
          inherit explicitBool formatArg;
        }
    );

  /**
    `toCommandLineGNU` as text for the shell.

    # Type
    `toCommandLineShellGNU :: AttrSet -> AttrSet -> String`

    # Example
    ```nix
    cli.toCommandLineShellGNU { } { message = "two words"; }
    => "'--message=two words'"
    ```
  */
  toCommandLineShellGNU = options: attrs: escapeShellArgs (toCommandLineGNU options attrs);

  /**
    Options and values as arguments of their own; older than `toCommandLineGNU`. `mkOptionName`, `mkBool`, `mkList` and
    `mkOption` replace parts of it; with `optionValueSeparator` an option and its value are one argument.

    # Type
    `toGNUCommandLine :: { mkOptionName?, mkBool?, mkList?, mkOption?, optionValueSeparator? } -> AttrSet -> [ String ]`

    # Example
    ```nix
    cli.toGNUCommandLine { } { X = "PUT"; retry = 3; url = [ "a" "b" ]; silent = false; verbose = true; }
    => [ "-X" "PUT" "--retry" "3" "--url" "a" "--url" "b" "--verbose" ]
    ```
  */
  toGNUCommandLine =
    {
      mkOptionName ? (name: if stringLength name == 1 then "-${name}" else "--${name}"),
      mkBool ? (name: value: if value then [ (mkOptionName name) ] else [ ]),
      mkList ? (name: values: concatMap (mkOption name) values),
      mkOption ? (
        name: value:
        if value == null then
          [ ]
        else if optionValueSeparator == null then
          [
            (mkOptionName name)
            (defaultText value)
          ]
        else
          [ "${mkOptionName name}${optionValueSeparator}${defaultText value}" ]
      ),
      optionValueSeparator ? null,
    }:
    attrs:
    concatMap (
      name:
      let
        value = attrs.${name};
      in
      if isBool value then
        mkBool name value
      else if isList value then
        mkList name value
      else
        mkOption name value
    ) (attrNames attrs);

  /**
    `toGNUCommandLine` as text for the shell.

    # Type
    `toGNUCommandLineShell :: AttrSet -> AttrSet -> String`
  */
  toGNUCommandLineShell = options: attrs: escapeShellArgs (toGNUCommandLine options attrs);
}
