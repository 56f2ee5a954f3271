# Strings.
{ lib, core }:
let
  inherit (builtins) concatStringsSep isString match;
  inherit (core)
    addCheck
    mkOptionType
    optionDescriptionPhrase
    scalar
    ;
  inherit (lib.options) getValues mergeEqualOption;

  str = mkOptionType {
    name = "str";
    description = "string";
    descriptionClass = "noun";
    check = isString;
    merge = scalar mergeEqualOption;
  };

  separatedString =
    sep:
    let
      functor = core.functorOf "separatedString" (payload: separatedString payload.sep) {
        inherit sep;
      } (a: b: if a.sep == b.sep then { inherit (a) sep; } else null);
    in
    core.base
    // {
      name = "separatedString";
      description = "strings concatenated with ${builtins.toJSON sep}";
      descriptionClass = "noun";
      check = isString;
      merge = scalar (_: defs: concatStringsSep sep (getValues defs));
      inherit functor;
      typeMerge = core.defaultTypeMerge functor;
    };
in
rec {
  /**
    A string; definitions have to agree.
  */
  inherit str;

  /**
    A string with something in it.
  */
  nonEmptyStr = mkOptionType {
    name = "nonEmptyStr";
    description = "non-empty string";
    descriptionClass = "noun";
    check = x: isString x && match "[ \t\n]*" x == null;
    inherit (str) merge;
  };

  /**
    A string of one line; a newline at its end is dropped.
  */
  singleLineStr = mkOptionType {
    name = "singleLineStr";
    description = "(optionally newline-terminated) single-line string";
    descriptionClass = "noun";
    check = x: isString x && match "[^\n\r]*\n?" x != null;
    merge = loc: defs: lib.strings.removeSuffix "\n" (mergeEqualOption loc defs);
  };

  /**
    A string that a regular expression matches.

    # Type
    `strMatching :: String -> OptionType`

    # Example
    ```nix
    map (types.strMatching "[a-z]+").check [ "abc" "ABC" ]
    => [ true false ]
    ```
  */
  strMatching =
    pattern:
    let
      name = "strMatching ${lib.strings.escapeNixString pattern}";
      functor = core.functorOf "strMatching" (payload: strMatching payload.pattern) { inherit pattern; } (
        a: b: if a == b then a else null
      );
    in
    mkOptionType {
      inherit name functor;
      description = "string matching the pattern ${pattern}";
      descriptionClass = "noun";
      check = x: isString x && match pattern x != null;
      inherit (str) merge;
    };

  /**
    A string whose definitions are joined with a separator.

    # Type
    `separatedString :: String -> OptionType`
  */
  inherit separatedString;

  /**
    Lines: definitions are joined with newlines.
  */
  lines = separatedString "\n";

  /**
    Parts of a list with commas.
  */
  commas = separatedString ",";

  /**
    Parts of an environment variable, joined with colons.
  */
  envVar = separatedString ":";

  /**
    A type for a field of /etc/passwd: without colons and newlines.

    # Type
    `passwdEntry :: OptionType -> OptionType`
  */
  passwdEntry =
    entryType:
    addCheck entryType (x: match "[^:\n]*" (toString x) != null)
    // {
      name = "passwdEntry ${entryType.name}";
      description = "${
        optionDescriptionPhrase (class: class == "noun") entryType
      }, not containing newlines or colons";
      descriptionClass = "nonRestrictiveClause";
    };
}
