# Quoting for regular expressions, Nix, C, URLs and XML.
{ lib }:
let
  inherit (builtins)
    match
    replaceStrings
    stringLength
    toJSON
    ;

  hex =
    c:
    let
      code = lib.trivial.toHexString (lib.strings.charToInt c);
    in
    if stringLength code == 1 then "0${code}" else code;

  # Words that the grammar keeps for itself.
  keywords = {
    "assert" = true;
    "else" = true;
    "if" = true;
    "in" = true;
    "inherit" = true;
    "let" = true;
    "or" = true;
    "rec" = true;
    "then" = true;
    "with" = true;
  };

  # ASCII, but for letters, digits and "-_.~".
  urlSpecial = lib.strings.stringToCharacters "\t\n\r !\"#$%&'()*+,/:;<=>?@[\\]^`{|}";
in
rec {
  /**
    Puts a backslash before every occurrence of the given strings.

    # Type
    `escape :: [ String ] -> String -> String`

    # Example
    ```nix
    escape [ "(" ")" ] "(foo)"
    => "\\(foo\\)"
    ```
  */
  escape = list: replaceStrings list (map (c: "\\${c}") list);

  /**
    Writes the given characters as `\x` and two hexadecimal digits.

    # Type
    `escapeC :: [ String ] -> String -> String`

    # Example
    ```nix
    strings.escapeC [ " " ] "foo bar"
    => "foo\\x20bar"
    ```
  */
  escapeC = list: replaceStrings list (map (c: "\\x${lib.strings.toLower (hex c)}") list);

  /**
    Writes every ASCII character that has a meaning in a URL as `%` and two hexadecimal digits.

    # Type
    `escapeURL :: String -> String`

    # Example
    ```nix
    escapeURL "foo/bar baz"
    => "foo%2Fbar%20baz"
    ```
  */
  escapeURL = replaceStrings urlSpecial (map (c: "%${hex c}") urlSpecial);

  /**
    A regular expression that matches the string alone.

    # Type
    `escapeRegex :: String -> String`

    # Example
    ```nix
    escapeRegex "[^a-z]*"
    => "\\[\\^a-z]\\*"
    ```
  */
  escapeRegex = escape (lib.strings.stringToCharacters "\\[{()^$?*+|.");

  /**
    A Nix expression of the string.

    # Type
    `escapeNixString :: String -> String`

    # Example
    ```nix
    strings.escapeNixString "a\${b}"
    => "\"a\\\${b}\""
    ```
  */
  escapeNixString = s: escape [ "$" ] (toJSON s);

  /**
    The string as an attribute name in Nix: quoted if it has to be.

    # Type
    `escapeNixIdentifier :: String -> String`

    # Example
    ```nix
    map strings.escapeNixIdentifier [ "hello" "0abc" "let" ]
    => [ "hello" "\"0abc\"" "\"let\"" ]
    ```
  */
  escapeNixIdentifier =
    s:
    if match "[a-zA-Z_][a-zA-Z0-9_'-]*" s == null || keywords ? ${s} then escapeNixString s else s;

  /**
    The string with the characters that XML gives a meaning written as entities.

    # Type
    `escapeXML :: String -> String`

    # Example
    ```nix
    escapeXML "<\"test\" & 'x'>"
    => "&lt;&quot;test&quot; &amp; &apos;x&apos;&gt;"
    ```
  */
  escapeXML =
    replaceStrings
      [
        "\""
        "'"
        "<"
        ">"
        "&"
      ]
      [
        "&quot;"
        "&apos;"
        "&lt;"
        "&gt;"
        "&amp;"
      ];
}
