# Formats of keys and values: plain ones, INI and its relatives.
{ lib }:
let
  inherit (builtins)
    attrNames
    concatMap
    concatStringsSep
    isAttrs
    isFloat
    isFunction
    isInt
    isList
    isString
    replaceStrings
    ;
  inherit (lib.attrsets) isDerivation mapAttrsToList;
  inherit (lib.lists) singleton;
  inherit (lib.strings) concatStrings escape;

  defaultSectionName = escape [
    "["
    "]"
  ];
in
rec {
  /**
    A value as text: strings as they are, numbers, `true`, `false`, `null`; other values are an error.

    # Type
    `mkValueStringDefault :: { } -> Any -> String`

    # Example
    ```nix
    map (generators.mkValueStringDefault { }) [ 1 "a" true null ]
    => [ "1" "a" "true" "null" ]
    ```
  */
  mkValueStringDefault =
    { }:
    v:
    let
      unsupported =
        what: throw "generators.mkValueStringDefault: ${what} not supported: ${lib.generators.toPretty { } v}";
    in
    if isInt v then
      toString v
    else if isDerivation v || isString v then
      toString v
    else if v == true then
      "true"
    else if v == false then
      "false"
    else if v == null then
      "null"
    else if isList v then
      unsupported "lists"
    else if isAttrs v then
      unsupported "attrsets"
    else if isFunction v then
      unsupported "functions"
    else if isFloat v then
      lib.strings.floatToString v
    else
      unsupported "this value is";

  /**
    A key and a value with a separator; the separator is escaped in the key.

    # Type
    `mkKeyValueDefault :: { mkValueString? } -> String -> String -> Any -> String`

    # Example
    ```nix
    generators.mkKeyValueDefault { } ":" "f:oo" "bar"
    => "f\\:oo:bar"
    ```
  */
  mkKeyValueDefault =
    {
      mkValueString ? mkValueStringDefault { },
    }:
    sep: k: v:
    "${escape [ sep ] k}${sep}${mkValueString v}";

  /**
    Lines of keys and values. `mkKeyValue` makes a line; with `listsAsDuplicateKeys` a list becomes several lines.

    # Type
    `toKeyValue :: { mkKeyValue?, listsAsDuplicateKeys ? false, indent ? "" } -> AttrSet -> String`

    # Example
    ```nix
    generators.toKeyValue { } { a = 1; b = "x"; }
    => "a=1\nb=x\n"
    ```
  */
  toKeyValue =
    {
      mkKeyValue ? mkKeyValueDefault { } "=",
      listsAsDuplicateKeys ? false,
      indent ? "",
    }:
    let
      line = k: v: indent + mkKeyValue k v + "\n";
      lines =
        if listsAsDuplicateKeys then
          k: v: map (line k) (if isList v then v else [ v ])
        else
          k: v: singleton (line k v);
    in
    attrs: concatStrings (concatMap (k: lines k attrs.${k}) (attrNames attrs));

  /**
    An INI file of sections.

    # Type
    `toINI :: { mkSectionName?, mkKeyValue?, listsAsDuplicateKeys ? false } -> { [String] :: AttrSet } -> String`

    # Example
    ```nix
    generators.toINI { } { foo.a = 1; bar.b = "x"; }
    => "[bar]\nb=x\n\n[foo]\na=1\n"
    ```
  */
  toINI =
    {
      mkSectionName ? defaultSectionName,
      mkKeyValue ? mkKeyValueDefault { } "=",
      listsAsDuplicateKeys ? false,
    }:
    sections:
    concatStringsSep "\n" (
      mapAttrsToList (
        name: values:
        "[${mkSectionName name}]\n" + toKeyValue { inherit mkKeyValue listsAsDuplicateKeys; } values
      ) sections
    );

  /**
    An INI file with keys before the first section.

    # Type
    `toINIWithGlobalSection :: { mkSectionName?, mkKeyValue?, listsAsDuplicateKeys ? false } -> { globalSection, sections ? { } } -> String`

    # Example
    ```nix
    generators.toINIWithGlobalSection { } { globalSection.a = 1; sections.foo.b = 2; }
    => "a=1\n\n[foo]\nb=2\n"
    ```
  */
  toINIWithGlobalSection =
    {
      mkSectionName ? defaultSectionName,
      mkKeyValue ? mkKeyValueDefault { } "=",
      listsAsDuplicateKeys ? false,
    }:
    {
      globalSection,
      sections ? { },
    }:
    (
      if globalSection == { } then
        ""
      else
        toKeyValue { inherit mkKeyValue listsAsDuplicateKeys; } globalSection + "\n"
    )
    + toINI { inherit mkSectionName mkKeyValue listsAsDuplicateKeys; } sections;

  /**
    A configuration file of git: sections may have subsections, values are indented.

    # Type
    `toGitINI :: AttrSet -> String`

    # Example
    ```nix
    generators.toGitINI { user.name = "me"; url."ssh://x".insteadOf = "https://x"; }
    => "[url \"ssh://x\"]\n\tinsteadOf = \"https://x\"\n\n[user]\n\tname = \"me\"\n"
    ```
  */
  toGitINI =
    let
      quote =
        v:
        "\"${
          replaceStrings
            [
              "\n"
              "\t"
              "\""
              "\\"
            ]
            [
              "\\n"
              "\\t"
              "\\\""
              "\\\\"
            ]
            v
        }\"";

      mkKeyValue = mkKeyValueDefault {
        mkValueString = v: if isString v then quote v else mkValueStringDefault { } v;
      } " = ";

      sectionName =
        path:
        let
          below = lib.lists.drop 1 path;
        in
        builtins.head path + (if below == [ ] then "" else " \"${concatStringsSep "." below}\"");

      isSection = v: isAttrs v && !isDerivation v;

      # A section's own keys first, then its subsections.
      sections =
        path: attrs:
        let
          names = attrNames attrs;
          own = builtins.filter (name: !isSection attrs.${name}) names;
        in
        (
          if own == [ ] && (attrs != { } || path == [ ]) then
            [ ]
          else if path == [ ] then
            throw "generators.toGitINI: the key ${builtins.head own} is in no section"
          else
            singleton (
              "[${sectionName path}]\n"
              + toKeyValue {
                indent = "\t";
                listsAsDuplicateKeys = true;
                inherit mkKeyValue;
              } (lib.attrsets.getAttrs own attrs)
            )
        )
        ++ concatMap (
          name: if isSection attrs.${name} then sections (path ++ [ name ]) attrs.${name} else [ ]
        ) names;
    in
    attrs: concatStringsSep "\n" (sections [ ] attrs);

  /**
    A key and a value as dconf writes them; see `lib.gvariant`.

    # Type
    `mkDconfKeyValue :: String -> Any -> String`
  */
  mkDconfKeyValue = mkKeyValueDefault {
    mkValueString = v: toString (lib.gvariant.mkValue v);
  } "=";

  /**
    A keyfile of dconf.

    # Type
    `toDconfINI :: { [String] :: AttrSet } -> String`

    # Example
    ```nix
    generators.toDconfINI { "org/x" = { a = "b"; c = true; }; }
    => "[org/x]\na='b'\nc=true\n"
    ```
  */
  toDconfINI = toINI { mkKeyValue = mkDconfKeyValue; };
}
