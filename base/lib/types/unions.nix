# Types that are one of several: null or something, this or that, what can be turned into another.
{ lib, core }:
let
  inherit (builtins)
    attrNames
    elemAt
    foldl'
    head
    isAttrs
    length
    mapAttrs
    tail
    ;
  inherit (core) optionDescriptionPhrase v2Check v2Merge;
  inherit (lib.options) showDefs showFiles showOption;
  inherit (lib.modules._internal) checkedMerge;

  isNoun = class: class == "noun";

  ## One definition

  unique =
    { message }:
    type:
    let
      functor = core.functorOf "unique" (payload: unique { inherit message; } payload.elemType) {
        elemType = type;
      } (
        a: b:
        let
          merged = a.elemType.typeMerge b.elemType.functor;
        in
        if merged == null then null else { elemType = merged; }
      );
    in
    core.base
    // {
      name = "unique";
      inherit (type)
        description
        descriptionClass
        check
        emptyValue
        getSubOptions
        getSubModules
        ;
      merge = lib.options.mergeUniqueOption {
        inherit message;
        inherit (type) merge;
      };
      substSubModules = m: unique { inherit message; } (type.substSubModules m);
      inherit functor;
      typeMerge = core.defaultTypeMerge functor;
      nestedTypes.elemType = type;
    };

  ## Null

  nullOr =
    elemType:
    let
      functor = core.functorOf "nullOr" (payload: nullOr payload.elemType) { inherit elemType; } (
        a: b:
        let
          merged = a.elemType.typeMerge b.elemType.functor;
        in
        if merged == null then null else { elemType = merged; }
      );

      merge =
        loc: defs:
        let
          nulls = builtins.filter (def: def.value == null) defs;
          count = length nulls;
        in
        if count == 0 then
          elemType.merge loc defs
        else if count == length defs then
          null
        else
          throw "The option `${showOption loc}` is defined both null and not null, in ${showFiles (lib.options.getFiles defs)}.";
    in
    {
      _type = "option-type";
      name = "nullOr";
      description = "null or ${
        optionDescriptionPhrase (class: class == "noun" || class == "conjunction") elemType
      }";
      descriptionClass = "conjunction";
      deprecationMessage = null;
      check = x: x == null || elemType.check x;
      merge = if elemType.merge.identity or false then core.identity merge else merge;
      emptyValue.value = null;
      inherit (elemType) getSubOptions getSubModules;
      substSubModules = m: nullOr (elemType.substSubModules m);
      inherit functor;
      typeMerge = core.defaultTypeMerge functor;
      nestedTypes = { inherit elemType; };
    };

  ## This or that

  either =
    t1: t2:
    let
      functor = core.functorOf "either" (
        { elemType }: either (elemAt elemType 0) (elemAt elemType 1)
      ) { elemType = [ t1 t2 ]; } (
        a: b:
        let
          left = (elemAt a.elemType 0).typeMerge (elemAt b.elemType 0).functor;
          right = (elemAt a.elemType 1).typeMerge (elemAt b.elemType 1).functor;
        in
        if left == null || right == null then null else { elemType = [ left right ]; }
      );

      v2 =
        { loc, defs }:
        let
          first = checkedMerge loc t1 defs;
          second = checkedMerge loc t2 defs;
        in
        if first.headError == null then
          first
        else if second.headError == null then
          second
        else
          {
            headError.message = "TypeError: The option `${showOption loc}` is neither a value of type `${t1.description}` nor `${t2.description}`, Definition values:${showDefs defs}";
            value = lib.options.mergeOneOption loc defs;
            valueMeta = { };
          };
    in
    {
      _type = "option-type";
      name = "either";
      description =
        optionDescriptionPhrase (
          class: class == "noun" || class == "conjunction" || class == "nonRestrictiveClause"
        ) t1
        + (if t1.descriptionClass or null == "nonRestrictiveClause" then "," else "")
        + " or "
        + optionDescriptionPhrase (
          class: class == "noun" || class == "conjunction" || class == "composite"
        ) t2;
      descriptionClass = "conjunction";
      deprecationMessage = null;
      check = v2Check (x: t1.check x || t2.check x);
      merge = {
        # Called without a check before: by code outside, and for `freeformType`.
        __functor =
          _: loc: defs:
          let
            result = v2 { inherit loc defs; };
          in
          if result.headError == null then
            result.value
          else
            lib.trivial.warn ''
              One or more definitions did not pass the type-check of the 'either' type.
              ${result.headError.message}
              If `either`, `oneOf` or similar is used in freeformType, ensure that it is preceded by an 'attrsOf' such as: `freeformType = types.attrsOf (types.either t1 t2)`.
              Otherwise consider using the correct type for the option `${showOption loc}`. This is going to be an error.
            '' result.value;
        inherit v2;
      };
      emptyValue = { };
      getSubOptions = _: { };
      getSubModules = null;
      substSubModules = _: null;
      inherit functor;
      # Unions of the same parts are joined part by part.
      typeMerge = core.defaultTypeMerge functor;
      nestedTypes = {
        left = t1;
        right = t2;
      };
    };

  ## Something that becomes something else

  coercedTo =
    coercedType: coerceFunc: finalType:
    assert lib.assertMsg (coercedType.getSubModules == null)
      "coercedTo: coercedType must not have submodules (it’s a ${coercedType.description})";
    core.base
    // {
      name = "coercedTo";
      description = "${optionDescriptionPhrase isNoun finalType} or ${optionDescriptionPhrase isNoun coercedType} convertible to it";
      check = v2Check (
        x: (coercedType.check x && finalType.check (coerceFunc x)) || finalType.check x
      );
      merge = v2Merge (
        { loc, defs }:
        let
          coerced = map (
            def:
            let
              result = checkedMerge loc coercedType [ def ];
            in
            if result.headError == null then def // { value = coerceFunc result.value; } else def
          ) defs;
          final = checkedMerge loc finalType coerced;
        in
        {
          headError =
            if final.headError == null then
              null
            else
              core.invalidDefs (_: false) defs;
          inherit (final) value valueMeta;
        }
      );
      inherit (finalType) emptyValue getSubOptions getSubModules;
      substSubModules = m: coercedTo coercedType coerceFunc (finalType.substSubModules m);
      typeMerge = _: null;
      functor = core.defaultFunctor "coercedTo";
      nestedTypes = { inherit coercedType finalType; };
    };

  ## One attribute of several

  attrTagWith =
    { tags }:
    let
      names = attrNames tags;

      tagsWithPlace = mapAttrs (
        name: option:
        let
          position = builtins.unsafeGetAttrPos name tags;
        in
        if option._type or null != "option" then
          throw "In attrTag, each tag value must be an option, but tag ${name} ${
            if option._type or null == "option-type" then
              "was a bare type, not wrapped in mkOption."
            else
              "was of type ${builtins.typeOf option}."
          }"
        else
          option
          // {
            declarations =
              option.declarations or (if position == null then [ ] else [ position.file ]);
            declarationPositions =
              option.declarationPositions or (if position == null then [ ] else [ position ]);
          }
      ) tags;

      functor = core.functorOf "attrTag" attrTagWith { tags = tagsWithPlace; } (
        a: b: {
          tags =
            a.tags
            // b.tags
            // mapAttrs (
              name: second:
              let
                first = a.tags.${name};
              in
              # The option isn't known here, only the tag.
              lib.modules.mergeOptionDecls [ name ] (
                map (option: {
                  _file = head (option.declarations ++ [ "<unknown-file>" ]);
                  options = removeAttrs option [
                    "declarations"
                    "declarationPositions"
                    "loc"
                    "options"
                  ];
                }) [
                  first
                  second
                ]
              )
              // {
                declarations = first.declarations ++ second.declarations;
                declarationPositions = first.declarationPositions ++ second.declarationPositions;
              }
            ) (builtins.intersectAttrs a.tags b.tags);
        }
      );
    in
    core.base
    // {
      name = "attrTag";
      description = "attribute-tagged union with choices: ${builtins.concatStringsSep ", " (map lib.strings.escapeNixIdentifier names)}";
      descriptionClass = "noun";
      check = x: isAttrs x && length (attrNames x) == 1 && tags ? ${head (attrNames x)};
      merge =
        loc: defs:
        let
          choice = head (attrNames (head defs).value);
          others = builtins.filter (def: !def.value ? ${choice}) defs;
        in
        if others != [ ] then
          throw "The option `${showOption loc}` is defined both as `${choice}` and `${
            head (attrNames (head others).value)
          }`, in ${showFiles (lib.options.getFiles defs)}."
        else
          {
            ${choice} =
              (lib.modules.evalOptionValue (loc ++ [ choice ]) tagsWithPlace.${choice} (
                map (def: {
                  inherit (def) file;
                  value = def.value.${choice};
                }) defs
              )).value;
          };
      getSubOptions =
        prefix:
        mapAttrs (
          name: option:
          option
          // {
            loc = prefix ++ [ name ];
          }
        ) tagsWithPlace;
      inherit functor;
      typeMerge = core.defaultTypeMerge functor;
      nestedTypes = mapAttrs (_: option: option.type or lib.types.unspecified) tags;
    };
in
{
  /**
    A type with a single definition; `message` is added to the error if there are more.

    # Type
    `unique :: { message :: String; } -> OptionType -> OptionType`
  */
  inherit unique;

  /**
    `unique` without a message.

    # Type
    `uniq :: OptionType -> OptionType`
  */
  uniq = unique { message = ""; };

  /**
    Null, or a value of a type.

    # Type
    `nullOr :: OptionType -> OptionType`

    # Example
    ```nix
    map (types.nullOr types.int).check [ null 1 "x" ]
    => [ true true false ]
    ```
  */
  inherit nullOr;

  /**
    A value of one type or another; the first one that fits all definitions joins them.

    # Type
    `either :: OptionType -> OptionType -> OptionType`

    # Example
    ```nix
    (types.either types.int types.str).description
    => "signed integer or string"
    ```
  */
  inherit either;

  /**
    A value of one of several types.

    # Type
    `oneOf :: [ OptionType ] -> OptionType`

    # Example
    ```nix
    (types.oneOf [ types.int types.str types.bool ]).description
    => "signed integer or string or boolean"
    ```
  */
  oneOf =
    ts:
    assert lib.assertMsg (ts != [ ]) "types.oneOf needs to get at least one type in its argument";
    foldl' either (head ts) (tail ts);

  /**
    A value of the last type; definitions of the first type are turned into it by a function.

    # Type
    `coercedTo :: OptionType -> (a -> b) -> OptionType -> OptionType`

    # Example
    ```nix
    (mergeDefinitions [ "x" ] (types.coercedTo types.int toString types.str) [ { file = "a"; value = 42; } ]).mergedValue
    => "42"
    ```
  */
  inherit coercedTo;

  /**
    A set with one of several attributes, each with an option of its own.

    # Type
    `attrTag :: { [String] :: Option } -> OptionType`

    # Example
    ```nix
    map (types.attrTag { left = mkOption { }; right = mkOption { }; }).check [ { left = 1; } { up = 1; } ]
    => [ true false ]
    ```
  */
  attrTag = tags: attrTagWith { inherit tags; };
}
