# Strings and other values: tests, numbers, files.
{ lib }:
let
  inherit (builtins)
    elem
    fromJSON
    head
    isList
    isPath
    isString
    match
    typeOf
    ;
  inherit (lib.strings) escapeNixString;

  # Reads an integer from the digits that a pattern found.
  readInt =
    function: text: digits:
    let
      result = fromJSON digits;
    in
    if builtins.isInt result then
      result
    else
      throw "${function}: Could not convert ${escapeNixString text} to int.";
in
rec {
  /**
    Whether a value stands for a string where one is expected: strings, paths, derivations, sets with
    `__toString`.

    # Type
    `isStringLike :: Any -> Bool`

    # Example
    ```nix
    map isStringLike [ "a" { outPath = "/x"; } 1 ]
    => [ true true false ]
    ```
  */
  isStringLike = x: isString x || isPath x || x ? outPath || x ? __toString;

  /**
    Whether `toString` works on a value (and on every element of a list).

    # Type
    `isConvertibleWithToString :: Any -> Bool`

    # Example
    ```nix
    map strings.isConvertibleWithToString [ null [ 1 true ] { } ]
    => [ true true false ]
    ```
  */
  isConvertibleWithToString =
    x:
    isStringLike x
    || elem (typeOf x) [
      "null"
      "int"
      "float"
      "bool"
    ]
    || (isList x && builtins.all isConvertibleWithToString x);

  /**
    Whether a value is a store path itself (not something inside one).

    # Type
    `isStorePath :: Any -> Bool`

    # Example
    ```nix
    map isStorePath [ "${builtins.storeDir}/zrfrfbwj10wh1pcydamxfqh9yc1ivqhp-x" builtins.storeDir 1 ]
    => [ true false false ]
    ```
  */
  isStorePath =
    x:
    isStringLike x
    && (
      let
        str = toString x;
      in
      builtins.substring 0 1 str == "/"
      && (
        dirOf str == builtins.storeDir
        # the stand-in for the path of an output that isn't built yet
        || match "/[0-9a-z]{52}" str != null
      )
    );

  /**
    Reads a decimal integer; white space around it is ignored, leading zeroes are an error, since they
    might mean octal.

    # Type
    `toInt :: String -> Int`

    # Example
    ```nix
    map toInt [ "1337" " -4" ]
    => [ 1337 (-4) ]
    ```
  */
  toInt =
    str:
    let
      found = match "[[:space:]]*(-?[[:digit:]]+)[[:space:]]*" str;
      digits = head found;
    in
    if found == null then
      throw "toInt: Could not convert ${escapeNixString str} to int."
    else if match "-?0[[:digit:]]+" digits != null then
      throw "toInt: Ambiguity in interpretation of ${escapeNixString str} between octal and zero padded integer."
    else
      readInt "toInt" str digits;

  /**
    Reads a decimal integer, with or without leading zeroes; white space around it is ignored.

    # Type
    `toIntBase10 :: String -> Int`

    # Example
    ```nix
    map toIntBase10 [ "0042" " 7 " ]
    => [ 42 7 ]
    ```
  */
  toIntBase10 =
    str:
    let
      found = match "[[:space:]]*0*(-?[[:digit:]]+)[[:space:]]*" str;
    in
    if found == null then
      throw "toIntBase10: Could not convert ${escapeNixString str} to int."
    else
      # the pattern takes all zeroes it can, but leaves one digit
      readInt "toIntBase10" str (head found);

  /**
    A float as text; warns if digits were lost.

    # Type
    `floatToString :: Float -> String`

    # Example
    ```nix
    strings.floatToString 0.5
    => "0.500000"
    ```
  */
  floatToString =
    float:
    let
      result = toString float;
      exact = float == fromJSON result;
    in
    lib.trivial.warnIfNot exact "Imprecise conversion from float to string ${result}" result;

  /**
    The text of a file without the newline at its end.

    # Type
    `fileContents :: Path -> String`
  */
  fileContents = file: lib.strings.removeSuffix "\n" (builtins.readFile file);
}
