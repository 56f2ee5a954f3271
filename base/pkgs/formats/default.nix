# `pkgs.formats`: file formats of programs' settings. Each is a function of its options that gives an option type for values and a
# function that writes one: `{ type; generate = name: value: «file»; }`. Texts are made by the evaluator, so that no program is needed.
{ lib, writeText }:
let
  inherit (lib) types generators;

  # A format of a type and a function from a value to text.
  textual = { type, text, ... }@more: removeAttrs more [ "text" ] // {
    inherit type;
    generate = name: value: writeText name (text value);
  };

  toml' = import ./toml.nix { inherit lib; };
  yaml' = import ./yaml.nix { inherit lib; };
  xml' = import ./xml.nix { inherit lib; };

  # Values of JSON, under a name of their own in messages.
  valueNamed = typeName: types.serializableValueWith { inherit typeName; };

  # One value of a line `key = value`.
  iniAtom = (types.nullOr (types.oneOf [ types.bool types.int types.float types.str ])) // {
    description = "INI atom (null, bool, int, float or string)";
  };
  # With `listsAsDuplicateKeys` or `listToValue` a key may have several.
  iniValue = { listsAsDuplicateKeys, listToValue, atomsCoercedToLists }:
    let
      coerced = if atomsCoercedToLists == null then false else atomsCoercedToLists;
      listed = types.coercedTo iniAtom (atom: [ atom ]) (types.listOf iniAtom);
    in
    if listsAsDuplicateKeys || listToValue != null then
      if coerced then
        listed // { description = "${iniAtom.description} or a list of them for duplicate keys"; }
      else
        types.either iniAtom (types.listOf iniAtom) // { description = "${iniAtom.description} or a list of them for duplicate keys"; }
    else
      iniAtom;
  joined = listToValue: lib.mapAttrs (_: value: if builtins.isList value && listToValue != null then listToValue value else value);

  iniOptions = { listsAsDuplicateKeys ? false, listToValue ? null, atomsCoercedToLists ? null, ... }:
    assert lib.assertMsg (!(listsAsDuplicateKeys && listToValue != null)) "formats.ini: listsAsDuplicateKeys and listToValue exclude each other";
    assert lib.assertMsg (atomsCoercedToLists != null -> listsAsDuplicateKeys || listToValue != null)
      "formats.ini: atomsCoercedToLists needs listsAsDuplicateKeys or listToValue";
    { inherit listsAsDuplicateKeys listToValue atomsCoercedToLists; };
  ownOptions = [ "listsAsDuplicateKeys" "listToValue" "atomsCoercedToLists" ];
in
rec {
  json = { }: textual { type = valueNamed "JSON"; text = value: builtins.toJSON value + "\n"; };
  yaml_1_1 = { }: textual { type = valueNamed "YAML 1.1"; text = yaml'.document; };
  yaml_1_2 = { }: textual { type = valueNamed "YAML 1.2"; text = yaml'.document; };
  yaml = yaml_1_1;
  toml = { }: textual { type = (types.serializableValueWith { typeName = "TOML"; nullable = false; }); text = toml'.document; };
  cdn = { }: textual { type = valueNamed "CDN"; text = value: builtins.toJSON value + "\n"; };
  hocon = { ... }: textual { type = valueNamed "HOCON"; text = value: builtins.toJSON value + "\n"; };

  ini = args:
    let
      options = iniOptions args;
      generatorOptions = removeAttrs args ownOptions // { inherit (options) listsAsDuplicateKeys; };
    in
    textual {
      type = types.attrsOf (types.attrsOf (iniValue options)) // { description = "sections of an INI file"; };
      lib.types.atom = iniAtom;
      text = value: generators.toINI generatorOptions (lib.mapAttrs (_: joined options.listToValue) value);
    };
  iniWithGlobalSection = args:
    let
      options = iniOptions args;
      generatorOptions = removeAttrs args ownOptions // { inherit (options) listsAsDuplicateKeys; };
      section = types.attrsOf (iniValue options);
    in
    textual {
      type = types.submodule {
        options.sections = lib.mkOption { type = types.attrsOf section; default = { }; description = "The sections."; };
        options.globalSection = lib.mkOption { type = section; default = { }; description = "What stands before the first section."; };
      };
      lib.types.atom = iniAtom;
      text = { sections ? { }, globalSection ? { }, ... }:
        generators.toINIWithGlobalSection generatorOptions {
          globalSection = joined options.listToValue globalSection;
          sections = lib.mapAttrs (_: joined options.listToValue) sections;
        };
    };
  gitIni = { listsAsDuplicateKeys ? false, ... }@args:
    let options = iniOptions args; in
    textual {
      type = types.attrsOf (types.attrsOf (types.either (iniValue options) (types.attrsOf (iniValue options))));
      lib.types.atom = iniAtom;
      text = generators.toGitINI;
    };
  keyValue = args:
    let options = iniOptions args; in
    textual {
      type = types.attrsOf (iniValue options);
      lib.types.atom = iniAtom;
      text = value: generators.toKeyValue (removeAttrs args ownOptions // { inherit (options) listsAsDuplicateKeys; }) (joined options.listToValue value);
    };
  # Not a function of options; an empty set of them does no harm.
  systemd = ini {
    listsAsDuplicateKeys = true;
    mkKeyValue = generators.mkKeyValueDefault {
      mkValueString = value: if value == null then "" else generators.mkValueStringDefault { } value;
    } "=";
  } // { __functor = self: _: self; };

  javaProperties = { comment ? "Generated with Nix", boolToString ? lib.boolToString }: textual {
    type = types.attrsOf (types.coercedTo types.bool boolToString (types.coercedTo types.int toString types.str)) // { description = "Java properties"; };
    text = value:
      let
        escape = special: lib.replaceStrings ([ "\\" "\n" "\r" "\t" ] ++ special) ([ "\\\\" "\\n" "\\r" "\\t" ] ++ map (c: "\\${c}") special);
        key = escape [ " " "=" ":" "#" "!" ];
        # Blanks count inside of a value, but not before it.
        content = text: let escaped = escape [ ] text; in if lib.hasPrefix " " escaped then "\\${escaped}" else escaped;
      in
      "# ${comment}\n\n" + lib.concatStrings (lib.mapAttrsToList (n: v: "${key n} = ${content v}\n") value);
  };

  lua = { asBindings ? false, multiline ? true, columnWidth ? 100, indentWidth ? 2, indentUsingTabs ? false }:
    let
      luaValue = types.nullOr (types.oneOf [ types.bool types.float types.int types.path types.str types.luaInline (types.attrsOf luaValue) (types.listOf luaValue) ])
        // { description = "lua value${lib.optionalString asBindings "s"}"; descriptionClass = "noun"; };
    in
    textual {
      type = if asBindings then types.attrsOf luaValue else luaValue;
      lib.types = { inherit luaValue; };
      lib.mkRaw = lib.mkLuaInline;
      text = value: (if asBindings then "" else "return ") + generators.toLua { inherit asBindings multiline; } value + "\n";
    };

  pythonVars = { }:
    let
      python = value:
        if value == null then "None"
        else if value == true then "True"
        else if value == false then "False"
        else if builtins.isList value then "[${lib.concatMapStringsSep ", " python value}]"
        else if value ? _raw then value._raw
        else if builtins.isAttrs value && !lib.isDerivation value then "{${lib.concatStringsSep ", " (lib.mapAttrsToList (n: v: "${builtins.toJSON n}: ${python v}") value)}}"
        else if builtins.isInt value || builtins.isFloat value then builtins.toJSON value
        else builtins.toJSON "${value}";
    in
    textual {
      type = types.attrsOf (valueNamed "Python");
      lib.mkRaw = value: { _raw = value; };
      text = value: lib.concatStrings (map (import': "import ${import'}\n") (value._imports or [ ]))
        + lib.concatStrings (lib.mapAttrsToList (n: v: "${n} = ${python v}\n") (removeAttrs value [ "_imports" ]));
    };

  nixConf = { package ? null, version ? null, extraOptions ? "", checkAllErrors ? true, checkConfig ? true }:
    let
      atom = types.nullOr (types.oneOf [ types.bool types.int types.float types.str types.path types.package ])
        // { description = "Nix config atom (null, bool, int, float, str, path or package)"; };
      show = value:
        if value == null then ""
        else if builtins.isBool value then lib.boolToString value
        else if builtins.isInt value then toString value
        else if builtins.isFloat value then lib.strings.floatToString value
        else if builtins.isList value then lib.concatMapStringsSep " " show value
        else "${value}";
    in
    textual {
      type = types.attrsOf (types.coercedTo atom (value: value) (types.either atom (types.listOf atom)));
      lib.types.atom = atom;
      text = value: ''
        # This file is made from a machine's configuration; changes to it are lost.
      '' + lib.concatStrings (lib.mapAttrsToList (n: v: "${n} = ${show v}\n") (lib.filterAttrs (n: _: !lib.hasPrefix "extra-" n) value))
        + lib.concatStrings (lib.mapAttrsToList (n: v: "${n} = ${show v}\n") (lib.filterAttrs (n: _: lib.hasPrefix "extra-" n) value))
        + extraOptions;
    };

  # A format of which `badgerfish` (attributes as "@name", text as "#text") is the only form.
  xml = { format ? "badgerfish", withHeader ? true }:
    assert lib.assertMsg (format == "badgerfish") "formats.xml: format '${format}' is not known; there is 'badgerfish'";
    textual {
      type = valueNamed "XML";
      text = value: lib.optionalString withHeader "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" + xml'.document value;
    };
}
