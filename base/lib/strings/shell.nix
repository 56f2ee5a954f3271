# Strings for the Bourne shell.
{ lib }:
let
  inherit (builtins)
    concatStringsSep
    isAttrs
    isList
    match
    ;
  inherit (lib.attrsets) mapAttrsToList;
in
rec {
  /**
    Quotes a string for the shell, unless nothing in it has a meaning there.

    # Type
    `escapeShellArg :: String -> String`

    # Example
    ```nix
    map escapeShellArg [ "plain" "it's" "" ]
    => [ "plain" "'it'\\''s'" "''" ]
    ```
  */
  escapeShellArg =
    arg:
    let
      string = toString arg;
    in
    if match "[[:alnum:],._+:@%/-]+" string == null then
      "'${builtins.replaceStrings [ "'" ] [ "'\\''" ] string}'"
    else
      string;

  /**
    Quotes every string and joins them with spaces.

    # Type
    `escapeShellArgs :: [ String ] -> String`

    # Example
    ```nix
    escapeShellArgs [ "one" "two three" ]
    => "one 'two three'"
    ```
  */
  escapeShellArgs = lib.strings.concatMapStringsSep " " escapeShellArg;

  /**
    Whether a string can be the name of a shell variable.

    # Type
    `isValidPosixName :: String -> Bool`

    # Example
    ```nix
    map isValidPosixName [ "foo_bar000" "0-bad.jpg" ]
    => [ true false ]
    ```
  */
  isValidPosixName = name: match "[a-zA-Z_][a-zA-Z0-9_]*" name != null;

  /**
    Shell code that sets a variable: a list becomes an array, a set an associative array (of bash),
    anything else a string.

    # Type
    `toShellVar :: String -> (String | [ String ] | { [String] :: String }) -> String`

    # Example
    ```nix
    map (toShellVar "x") [ "a b" [ "a" "b c" ] { k = "v"; } ]
    => [ "x='a b'" "declare -a x=(a 'b c')" "declare -A x=([k]=v)" ]
    ```
  */
  toShellVar =
    name: value:
    lib.throwIfNot (isValidPosixName name) "toShellVar: ${name} is not a valid shell variable name" (
      if isAttrs value && !lib.strings.isStringLike value then
        "declare -A ${name}=(${
          concatStringsSep " " (mapAttrsToList (n: v: "[${escapeShellArg n}]=${escapeShellArg v}") value)
        })"
      else if isList value then
        "declare -a ${name}=(${escapeShellArgs value})"
      else
        "${name}=${escapeShellArg value}"
    );

  /**
    Shell code that sets one variable for every attribute.

    # Type
    `toShellVars :: { [String] :: String | [ String ] | { [String] :: String } } -> String`

    # Example
    ```nix
    toShellVars { a = "x"; b = [ "y" ]; }
    => "a=x\ndeclare -a b=(y)"
    ```
  */
  toShellVars = vars: concatStringsSep "\n" (mapAttrsToList toShellVar vars);
}
