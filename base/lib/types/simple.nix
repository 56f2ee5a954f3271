# Types without a structure of their own.
{ lib, core }:
let
  inherit (builtins)
    elem
    foldl'
    head
    isAttrs
    isBool
    typeOf
    ;
  inherit (core) identity mkOptionType scalar;
  inherit (lib.options)
    mergeEqualOption
    mergeOneOption
    showFiles
    showOption
    ;
in
rec {
  /**
    A value that is used as it is: nothing inside is looked at, one definition only.
  */
  raw = mkOptionType {
    name = "raw";
    description = "raw value";
    descriptionClass = "noun";
    merge = identity mergeOneOption;
  };

  /**
    Any value, joined by what it is: sets attribute by attribute, functions by their results; everything else has
    to be equal.
  */
  anything = mkOptionType {
    name = "anything";
    description = "anything";
    descriptionClass = "noun";
    merge =
      loc: defs:
      let
        # A set that stands for a string is not taken apart.
        kindOf =
          value: if isAttrs value && lib.strings.isStringLike value then "stringCoercibleSet" else typeOf value;
        kind = foldl' (
          first: def:
          if kindOf def.value == first then
            first
          else
            throw "The option `${showOption loc}' has conflicting option types in ${showFiles (lib.options.getFiles defs)}"
        ) (kindOf (head defs).value) defs;
      in
      if kind == "set" then
        (lib.types.attrsOf anything).merge loc defs
      else if kind == "lambda" then
        arg:
        (lib.modules.mergeDefinitions (loc ++ [ "<function body>" ]) anything (
          map (def: {
            inherit (def) file;
            value = def.value arg;
          }) defs
        )).mergedValue
      else if kind == "stringCoercibleSet" then
        mergeOneOption loc defs
      else
        mergeEqualOption loc defs;
  };

  /**
    What an option without a type has: joined by `mergeDefaultOption`.
  */
  unspecified = mkOptionType {
    name = "unspecified";
    description = "unspecified value";
    descriptionClass = "noun";
  };

  /**
    True or false; definitions have to agree.
  */
  bool = mkOptionType {
    name = "bool";
    description = "boolean";
    descriptionClass = "noun";
    check = isBool;
    merge = scalar mergeEqualOption;
  };

  /**
    True if one definition is.
  */
  boolByOr = mkOptionType {
    name = "boolByOr";
    description = "boolean (merged using or)";
    descriptionClass = "noun";
    check = isBool;
    merge = scalar (_: defs: builtins.any (def: def.value) defs);
  };

  /**
    One of a list of values.

    # Type
    `enum :: [ a ] -> OptionType`

    # Example
    ```nix
    (types.enum [ "left" "right" ]).description
    => "one of \"left\", \"right\""
    ```
  */
  enum =
    values:
    let
      show =
        value:
        if builtins.isString value then
          ''"${value}"''
        else if builtins.isInt value then
          toString value
        else if isBool value then
          lib.trivial.boolToString value
        else
          "<${typeOf value}>";
      size = builtins.length values;
      functor = core.functorOf "enum" (payload: enum payload.values) { inherit values; } (
        a: b: { values = lib.lists.unique (a.values ++ b.values); }
      );
    in
    core.base
    // {
      name = "enum";
      description =
        if size == 0 then
          "impossible (empty enum)"
        else if size == 1 then
          "value ${show (head values)} (singular enum)"
        else
          "one of ${lib.strings.concatMapStringsSep ", " show values}";
      descriptionClass = if size < 2 then "noun" else "conjunction";
      check = x: elem x values;
      merge = identity mergeEqualOption;
      inherit functor;
      typeMerge = core.defaultTypeMerge functor;
    };

  /**
    A set whose definitions are joined by `//`. Prefer `attrsOf`.
  */
  attrs = mkOptionType {
    name = "attrs";
    description = "attribute set";
    check = isAttrs;
    merge = scalar (_: foldl' (result: def: result // def.value) { });
    emptyValue.value = { };
  };

  /**
    A package: a derivation, or a store path that is made to look like one.
  */
  package = mkOptionType {
    name = "package";
    description = "package";
    descriptionClass = "noun";
    check = x: lib.attrsets.isDerivation x || lib.strings.isStorePath x;
    merge =
      loc: defs:
      let
        result = mergeOneOption loc defs;
      in
      if builtins.isPath result || (builtins.isString result && !builtins.hasContext result) then
        lib.attrsets.toDerivation result
      else
        result;
  };

  /**
    A package that is a login shell.
  */
  shellPackage = package // {
    check = x: lib.attrsets.isDerivation x && x ? shellPath;
  };

  /**
    A whole package set.
  */
  pkgs =
    core.addCheck
      (
        lib.types.unique { message = "A Nixpkgs pkgs set can not be merged with another pkgs set."; } attrs
        // {
          name = "pkgs";
          descriptionClass = "noun";
          description = "Nixpkgs package set";
        }
      )
      (x: x._type or null == "pkgs");

  /**
    A file set; definitions are joined.
  */
  fileset = mkOptionType {
    name = "fileset";
    description = "fileset";
    descriptionClass = "noun";
    check = lib.fileset.isFileset;
    merge = _: defs: lib.fileset.unions (lib.options.getValues defs);
    emptyValue.value = lib.fileset.empty;
  };

  /**
    An expression of Lua; see `lib.generators.mkLuaInline`.
  */
  luaInline = mkOptionType {
    name = "luaInline";
    description = "inline lua";
    descriptionClass = "noun";
    check = x: x._type or null == "lua-inline";
    merge = mergeEqualOption;
  };
}
