# Strings as lists of bytes: characters, letter case.
{ lib }:
let
  inherit (builtins)
    concatStringsSep
    elemAt
    filter
    genList
    head
    isString
    replaceStrings
    split
    stringLength
    substring
    ;

  chars = s: genList (n: substring n 1 s) (stringLength s);

  # The characters that a Nix source can write directly, from code 32 on.
  printable = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";

  codes =
    builtins.listToAttrs (
      genList (n: {
        name = substring n 1 printable;
        value = n + 32;
      }) (stringLength printable)
    )
    // {
      "\t" = 9;
      "\n" = 10;
      "\r" = 13;
    };
in
rec {
  /**
    The letters a to z.

    # Type
    `lowerChars :: [ String ]`
  */
  lowerChars = chars "abcdefghijklmnopqrstuvwxyz";

  /**
    The letters A to Z.

    # Type
    `upperChars :: [ String ]`
  */
  upperChars = chars "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

  /**
    The bytes of a string as strings of their own. (A character outside of ASCII has several.)

    # Type
    `stringToCharacters :: String -> [ String ]`

    # Example
    ```nix
    stringToCharacters "abc"
    => [ "a" "b" "c" ]
    ```
  */
  stringToCharacters = chars;

  /**
    Maps every byte of a string and joins the results.

    # Type
    `stringAsChars :: (String -> String) -> String -> String`

    # Example
    ```nix
    stringAsChars (x: if x == "a" then "i" else x) "nax"
    => "nix"
    ```
  */
  stringAsChars = f: s: concatStringsSep "" (map f (chars s));

  /**
    The ASCII code of a character: tab, newline, carriage return, or one that prints.

    # Type
    `charToInt :: String -> Int`

    # Example
    ```nix
    map strings.charToInt [ "A" "(" ]
    => [ 65 40 ]
    ```
  */
  charToInt = c: codes.${c};

  /**
    The string with the letters A to Z in lower case.

    # Type
    `toLower :: String -> String`

    # Example
    ```nix
    toLower "HOME"
    => "home"
    ```
  */
  toLower = replaceStrings upperChars lowerChars;

  /**
    The string with the letters a to z in upper case.

    # Type
    `toUpper :: String -> String`

    # Example
    ```nix
    toUpper "home"
    => "HOME"
    ```
  */
  toUpper = replaceStrings lowerChars upperChars;

  /**
    The string with its first letter in upper case and the others in lower case.

    # Type
    `toSentenceCase :: String -> String`

    # Example
    ```nix
    toSentenceCase "home"
    => "Home"
    ```
  */
  toSentenceCase =
    str:
    lib.throwIfNot (isString str)
      "toSentenceCase does only accepts string values, but got ${builtins.typeOf str}"
      (toUpper (substring 0 1 str) + toLower (substring 1 (stringLength str) str));

  /**
    Words in camel case; they may be separated by spaces, hyphens or underscores, or begin with
    capitals.

    # Type
    `toCamelCase :: String -> String`

    # Example
    ```nix
    map toCamelCase [ "hello-world" "hello_world" "hello world" "HelloWorld" ]
    => [ "helloWorld" "helloWorld" "helloWorld" "helloWorld" ]
    ```
  */
  toCamelCase =
    str:
    let
      # A capital after a small letter begins a word of its own.
      words = filter isString (
        split "[ _-]" (
          concatStringsSep "" (
            map (p: if isString p then p else "${head p} ${elemAt p 1}") (split "([a-z])([A-Z])" str)
          )
        )
      );
    in
    lib.throwIfNot (isString str)
      "toCamelCase does only accepts string values, but got ${builtins.typeOf str}"
      (
        if words == [ ] then
          ""
        else
          lib.strings.addContextFrom str (
            toLower (head words) + lib.strings.concatMapStrings toSentenceCase (builtins.tail words)
          )
      );
}
