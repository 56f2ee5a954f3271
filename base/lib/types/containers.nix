# Lists and sets of values of a type.
{ lib, core }:
let
  inherit (builtins)
    all
    any
    attrNames
    concatLists
    elemAt
    filter
    genList
    head
    isAttrs
    isList
    length
    mapAttrs
    removeAttrs
    zipAttrsWith
    ;
  inherit (core)
    addCheck
    invalidDefs
    optionDescriptionPhrase
    v2Check
    v2Merge
    ;
  inherit (lib.modules._internal)
    arePlain
    checkedMerge
    mergeSettled
    settle
    undefined
    ;

  phraseOf = optionDescriptionPhrase (class: class == "noun" || class == "composite");

  # A functor for types that contain one type only.
  elementFunctor =
    name: type: elemType:
    core.functorOf name (payload: type payload.elemType) { inherit elemType; } (
      a: b:
      let
        merged = a.elemType.typeMerge b.elemType.functor;
      in
      if merged == null then null else { elemType = merged; }
    );

  same = _: defs: defs;

  hasProperty = value: value ? _type;
  isPlain = value: !value ? _type;

  ## Lists

  # Elements of the n-th definition that count, each with what is known of it; `{ headError, value, valueMeta }`
  # without errors where the type has none.
  listElements =
    loc: elemType: n: def:
    let
      inherit (def) file value;
      place = m: loc ++ [ "[definition ${toString n}-entry ${toString (m + 1)}]" ];
      entry =
        m:
        let
          settled = settle [
            {
              inherit file;
              value = elemAt value m;
            }
          ];
        in
        if settled.values == [ ] then [ ] else [ (checked (place m) elemType settled.values) ];
    in
    concatLists (genList entry (length value));

  checked =
    loc: type: defs:
    let
      result = checkedMerge loc type defs;
    in
    {
      value = mergeSettledOnce loc type defs result;
      inherit (result) valueMeta;
    };

  # The value of a result, or the error that there is.
  mergeSettledOnce =
    loc: type: defs: result:
    if result.headError == null then result.value else mergeSettled loc type defs;

  # The values of a definition of a list, without anything else about them.
  listValues =
    loc: elemType: n: def:
    let
      inherit (def) value;
      size = length value;
    in
    # Where elements are what they are defined to be, the list is as well.
    if elemType.merge.scalar or false && all isPlain value && all elemType.check value then
      value
    else if elemType.merge.identity or false && !any hasProperty value then
      genList (
        m:
        let
          element = elemAt value m;
        in
        if elemType.check element then element else listError loc elemType n def m
      ) size
    else
      map (entry: entry.value) (listElements loc elemType n def);

  listError =
    loc: elemType: n: def: m:
    mergeSettled (loc ++ [ "[definition ${toString n}-entry ${toString (m + 1)}]" ]) elemType [
      {
        inherit (def) file;
        value = elemAt def.value m;
      }
    ];

  listOf =
    elemType:
    let
      functor = elementFunctor "listOf" listOf elemType;
    in
    {
      _type = "option-type";
      name = "listOf";
      description = "list of ${phraseOf elemType}";
      descriptionClass = "composite";
      deprecationMessage = null;
      check = v2Check isList;
      merge = v2Merge (
        { loc, defs }:
        let
          # Types that know more about their values are merged once, for value and meta.
          entries = concatLists (
            genList (n: listElements loc elemType (n + 1) (elemAt defs n)) (length defs)
          );
        in
        {
          headError = invalidDefs isList defs;
          value =
            if elemType.merge ? v2 then
              map (entry: entry.value) entries
            else if length defs == 1 then
              listValues loc elemType 1 (head defs)
            else
              concatLists (genList (n: listValues loc elemType (n + 1) (elemAt defs n)) (length defs));
          valueMeta.list = map (entry: entry.valueMeta) entries;
        }
      );
      emptyValue.value = [ ];
      getSubOptions = prefix: elemType.getSubOptions (prefix ++ [ "*" ]);
      inherit (elemType) getSubModules;
      substSubModules = m: listOf (elemType.substSubModules m);
      inherit functor;
      typeMerge = core.defaultTypeMerge functor;
      nestedTypes = { inherit elemType; };
    };

  ## Sets

  # Definitions of each attribute.
  attributeDefs =
    defs:
    let
      def = head defs;
      wrap =
        { file, value, ... }:
        mapAttrs (_: value: { inherit file value; }) value;
    in
    if length defs == 1 then
      let
        inherit (def) file;
      in
      mapAttrs (_: value: [ { inherit file value; } ]) def.value
    else
      zipAttrsWith same (map wrap defs);

  # The attributes of a set that are defined at all, with the definitions that count.
  definedAttributes =
    defs:
    let
      byName = attributeDefs defs;
      settled = mapAttrs (_: defs: (settle defs).values) byName;
      names = attrNames byName;
      gone = filter (name: settled.${name} == [ ]) names;
    in
    if all (name: arePlain byName.${name}) names then
      byName
    else if gone == [ ] then
      settled
    else
      removeAttrs settled gone;

  attrsWith =
    {
      elemType,
      lazy ? false,
      placeholder ? "name",
    }:
    let
      functor = core.functorOf "attrsWith" attrsWith { inherit elemType lazy placeholder; } (
        a: b:
        let
          merged = a.elemType.typeMerge b.elemType.functor;
          # The default says nothing.
          placeholder =
            if a.placeholder == b.placeholder then
              a.placeholder
            else if a.placeholder == "name" then
              b.placeholder
            else if b.placeholder == "name" then
              a.placeholder
            else
              null;
        in
        if merged == null || a.lazy != b.lazy || placeholder == null then
          null
        else
          {
            elemType = merged;
            inherit (a) lazy;
            inherit placeholder;
          }
      );

      # What is defined for the attributes.
      eager =
        loc: defs:
        let
          attributes = definedAttributes defs;
          results = mapAttrs (name: checkedMerge (loc ++ [ name ]) elemType) attributes;
          def = head defs;
        in
        {
          value =
            if elemType.merge ? v2 then
              mapAttrs (
                name: result: mergeSettledOnce (loc ++ [ name ]) elemType attributes.${name} result
              ) results
            # Where the values are what they are defined to be, the set is as well.
            else if
              elemType.merge.scalar or false
              && length defs == 1
              && (
                let
                  values = builtins.attrValues def.value;
                in
                all isPlain values && all elemType.check values
              )
            then
              def.value
            else
              mapAttrs (name: mergeSettled (loc ++ [ name ]) elemType) attributes;
          meta = mapAttrs (_: result: result.valueMeta) results;
        };

      # The same without looking at the attributes' values; undefined ones are there, but have none.
      delayed =
        loc: defs:
        let
          byName = attributeDefs defs;
          results = mapAttrs (
            name: defs:
            let
              settled = (settle defs).values;
            in
            if settled == [ ] then
              {
                value = undefined (loc ++ [ name ]) elemType;
                valueMeta = { };
              }
            else
              checked (loc ++ [ name ]) elemType settled
          ) byName;
        in
        {
          value = mapAttrs (_: result: result.value) results;
          meta = mapAttrs (_: result: result.valueMeta) results;
        };
    in
    {
      _type = "option-type";
      name = if lazy then "lazyAttrsOf" else "attrsOf";
      description = (if lazy then "lazy attribute set of " else "attribute set of ") + phraseOf elemType;
      descriptionClass = "composite";
      deprecationMessage = null;
      check = v2Check isAttrs;
      merge = v2Merge (
        { loc, defs }:
        let
          result = if lazy then delayed loc defs else eager loc defs;
        in
        {
          headError = invalidDefs isAttrs defs;
          inherit (result) value;
          valueMeta.attrs = result.meta;
        }
      );
      emptyValue.value = { };
      getSubOptions = prefix: elemType.getSubOptions (prefix ++ [ "<${placeholder}>" ]);
      inherit (elemType) getSubModules;
      substSubModules =
        m:
        attrsWith {
          elemType = elemType.substSubModules m;
          inherit lazy placeholder;
        };
      inherit functor;
      typeMerge = core.defaultTypeMerge functor;
      nestedTypes = { inherit elemType; };
    };
in
rec {
  /**
    A list of values of a type; definitions are joined.

    # Type
    `listOf :: OptionType -> OptionType`

    # Example
    ```nix
    (mergeDefinitions [ "x" ] (types.listOf types.int) [ { file = "a"; value = [ 1 ]; } { file = "b"; value = mkBefore [ 2 ]; } ]).mergedValue
    => [ 2 1 ]
    ```
  */
  inherit listOf;

  /**
    A list with at least one element.

    # Type
    `nonEmptyListOf :: OptionType -> OptionType`
  */
  nonEmptyListOf =
    elemType:
    let
      list = addCheck (listOf elemType) (l: l != [ ]);
    in
    list
    // {
      description = "non-empty ${optionDescriptionPhrase (class: class == "noun") list}";
      emptyValue = { };
      substSubModules = m: nonEmptyListOf (elemType.substSubModules m);
    };

  /**
    A set of values of a type: `lazy` ones don't look at values to know names, so values may depend on each other,
    but `mkIf` doesn't remove attributes. `placeholder` stands for the name in the documentation.

    # Type
    `attrsWith :: { elemType :: OptionType; lazy :: Bool ? false; placeholder :: String ? "name"; } -> OptionType`
  */
  inherit attrsWith;

  /**
    A set of values of a type; definitions are joined attribute by attribute.

    # Type
    `attrsOf :: OptionType -> OptionType`

    # Example
    ```nix
    (mergeDefinitions [ "x" ] (types.attrsOf types.int) [ { file = "a"; value = { a = 1; b = mkIf false 2; }; } ]).mergedValue
    => { a = 1; }
    ```
  */
  attrsOf = elemType: attrsWith { inherit elemType; };

  /**
    `attrsOf` whose names are known without looking at values.

    # Type
    `lazyAttrsOf :: OptionType -> OptionType`
  */
  lazyAttrsOf =
    elemType:
    attrsWith {
      inherit elemType;
      lazy = true;
    };

  /**
    Old name of `attrsOf`, from times when lists could stand for sets.

    # Type
    `loaOf :: OptionType -> OptionType`
  */
  loaOf =
    elemType:
    attrsOf elemType
    // {
      name = "loaOf";
      deprecationMessage = "Mixing lists with attribute values is no longer possible; please use `types.attrsOf` instead. See https://github.com/NixOS/nixpkgs/issues/1800 for the motivation.";
      nestedTypes.elemType = elemType;
    };
}
