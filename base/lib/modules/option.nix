# One option: joining its declarations, and its definitions to a value.
{ lib, parts }:
let
  inherit (builtins)
    addErrorContext
    all
    elemAt
    filter
    foldl'
    head
    isAttrs
    length
    seq
    tail
    unsafeGetAttrPos
    ;
  inherit (lib.options) showDefs showFiles showOption;
  inherit (parts.properties)
    arePlain
    mkOptionDefault
    settle
    settleProperties
    ;

  unspecified = lib.types.unspecified;

  ## Definitions

  typeError =
    loc: type: defs:
    throw "A definition for option `${showOption loc}' is not of type `${type.description}'. Definition values:${
      showDefs (filter (def: !type.check def.value) defs)
    }";

  # Types with the second merge protocol promise that `merge.v2` checks what `check` does; a type whose `check`
  # was replaced by hand would silently not be checked.
  checkCoherence =
    loc: type:
    if type.check.isV2MergeCoherent or false then
      type
    else
      throw ''
        The option `${showOption loc}' has a type `${type.description}' that uses
        an ad-hoc `type // { check = ...; }' override, which is incompatible with
        the v2 merge mechanism.

        Please use `lib.types.addCheck` instead of `type // { check }' to add
        a condition of your own:

          lib.types.addCheck baseType (value: /* your condition */)
      '';

  # Checks and joins settled definitions by the second protocol: `{ headError, value, valueMeta }`.
  mergeV2 =
    loc: type: defs:
    seq (checkCoherence loc type) (type.merge.v2 { inherit loc defs; });

  headErrorOf =
    loc: type: error:
    throw "A definition for option `${showOption loc}' is not of type `${type.description}'. ${error.message}";

  # The value of settled definitions, of which there are some.
  mergeSettled =
    loc: type: defs:
    if type.merge ? v2 then
      valueOfV2 loc type (mergeV2 loc type defs)
    else if !all (def: type.check def.value) defs then
      typeError loc type defs
    else if type.merge.identity or false && length defs == 1 then
      (elemAt defs 0).value
    else
      type.merge loc defs;

  valueOfV2 =
    loc: type: result:
    if result.headError == null then result.value else headErrorOf loc type result.headError;

  # `{ headError, value, valueMeta }` for settled definitions, whatever the type's protocol.
  checkedMerge =
    loc: type: defs:
    if type.merge ? v2 then
      mergeV2 loc type defs
    else
      {
        headError =
          if all (def: type.check def.value) defs then
            null
          else
            { message = "Definition values:${showDefs (filter (def: !type.check def.value) defs)}"; };
        value = type.merge loc defs;
        valueMeta = { };
      };

  undefined = loc: type: type.emptyValue.value or (unset loc);

  unset =
    loc:
    throw "The option `${showOption loc}' was accessed but has no value defined. Try setting the option.";

  ## Declarations

  # The option with a type whose submodules know in which file they were written.
  locateSubmodules =
    file: opt:
    if opt.type.getSubModules or null == null then
      opt
    else
      opt
      // {
        type = opt.type.substSubModules (map (locate file) opt.type.getSubModules);
      };

  # A module whose file is known, if it doesn't say so itself. Any module system understands it; ours (load.nix)
  # knows it by its class and makes no module of its own of it.
  locate =
    file: module:
    if
      isAttrs module && module ? _class && module._class == null && module ? imports
      || !isAttrs module && !lib.isFunction module
    then
      module
    else
      {
        _class = null;
        _file = file;
        imports = [ module ];
      };

  positionOf =
    decl:
    let
      position = unsafeGetAttrPos decl.name decl.set;
    in
    if position == null then
      {
        inherit (decl) file;
        line = null;
        column = null;
      }
    else
      position;

  # Attributes that only one of several declarations may have.
  soleAttributes = [
    "default"
    "example"
    "description"
    "apply"
  ];

  # Joins two declarations that have their submodules located.
  joinDeclarations =
    loc: first: file: second:
    let
      conflict = throw "The option `${showOption loc}' in `${file}' is already declared in ${showFiles first.files}.";
      clash = lib.any (name: first.option ? ${name} && second ? ${name}) soleAttributes;

      type =
        if first.option ? type && second ? type then
          let
            joined = first.option.type.typeMerge second.type.functor;
            subModules = first.option.type.getSubModules;
          in
          if joined == null then
            conflict
          else if joined.getSubModules or null == null then
            { type = joined; }
          else
            # Modules of later declarations come first, as definitions do.
            { type = joined.substSubModules (second.type.getSubModules ++ subModules); }
        else
          { };
    in
    if clash then
      conflict
    else
      {
        option = first.option // second // type;
        files = first.files ++ [ file ];
      };
in
rec {
  inherit
    locate
    mergeSettled
    checkedMerge
    undefined
    unset
    ;

  # One option of several declarations `{ file, options, set, name }`.
  joinAll =
    loc: decls:
    (foldl'
      (first: decl: joinDeclarations loc first decl.file (locateSubmodules decl.file decl.options))
      (
        let
          decl = head decls;
        in
        {
          option = locateSubmodules decl.file decl.options;
          files = [ decl.file ];
        }
      )
      (tail decls)
    ).option;

  # What the option tree has for an option: `value` for the configuration, `options` for the options.
  # `decls` are its declarations `{ file, set, name }`, `opt` what they make together, `defs` its definitions.
  leaf =
    loc: decls: opt: defs:
    let
      type = opt.type or unspecified;

      full = evaluateFully loc decls opt defs type;

      value = addErrorContext "while evaluating the option `${showOption loc}':" (
        if opt ? apply then
          opt.apply (valueOfV2 loc type full.merged)
        # Most options have a default, nothing else, and a type that leaves it as it is.
        else if defs == [ ] && opt ? default && type.merge.identity or false && !opt.default ? _type then
          if type.check opt.default then opt.default else valueOfV2 loc type full.merged
        else
          valueOfV2 loc type full.merged
      );
    in
    {
      inherit value;
      options = optionRecord loc decls opt type full value;
    };

  # The definitions of an option that count, and what its type makes of them.
  evaluateFully =
    loc: decls: opt: defs: type:
    let
      settled = settleOption loc decls opt defs;
      inherit (settled) values;
    in
    {
      inherit settled;
      merged =
        if values == [ ] then
          {
            headError = null;
            value = undefined loc type;
            valueMeta = { };
          }
        else if type.merge ? v2 then
          mergeV2 loc type values
        else
          {
            headError = null;
            value =
              if !all (def: type.check def.value) values then
                typeError loc type values
              else if type.merge.identity or false && length values == 1 then
                (elemAt values 0).value
              else
                type.merge loc values;
            valueMeta = { };
          };
    };

  # An option with everything that is known of it.
  optionRecord =
    loc: decls: opt: type:
    { settled, merged }:
    value:
    opt
    // {
      inherit type loc;
      declarations = map (decl: decl.file) decls;
      declarationPositions = map positionOf decls;
      options = [ ];
      value = if type.deprecationMessage or null == null then value else warnDeprecation loc opt value;
      definitions = map (def: def.value) settled.values;
      definitionsWithLocations = settled.values;
      files = map (def: def.file) settled.values;
      isDefined = settled.values != [ ];
      inherit (settled) highestPrio;
      valueMeta = if merged.headError == null then merged.valueMeta else { };
      # for the manual's tools, which print options
      __toString = _: showOption loc;
    };

  settleOption =
    loc: decls: opt: defs:
    if defs == [ ] then
      if !opt ? default then
        {
          values = [ ];
          highestPrio = 9999;
        }
      else if opt.default ? _type then
        settle [ (defaultOf decls opt) ]
      else
        {
          values = [
            {
              inherit (elemAt decls 0) file;
              value = opt.default;
            }
          ];
          highestPrio = 1500;
        }
    else if opt.readOnly or false && (length defs > 1 || opt ? default) then
      readOnlyError loc opt ((if opt ? default then [ (defaultOf decls opt) ] else [ ]) ++ defs)
    else if opt ? default && !arePlain defs then
      let
        settled = settleProperties defs;
      in
      # A default counts only where nothing else does.
      if settled.highestPrio < 1500 then settled else settleProperties ([ (defaultOf decls opt) ] ++ defs)
    else
      settle defs;

  defaultOf = decls: opt: {
    inherit (elemAt decls 0) file;
    value = mkOptionDefault opt.default;
  };

  readOnlyError =
    loc: opt: defs:
    throw "The option `${showOption loc}' is read-only, but it's set multiple times. Definition values:${
      showDefs (
        map (
          def:
          def // { value = mergeSettled loc (opt.type or unspecified) (settle [ def ]).values; }
        ) defs
      )
    }";

  warnDeprecation =
    loc: opt: value:
    lib.trivial.warn
      "The type `types.${opt.type.name}' of option `${showOption loc}' defined in ${
        showFiles (opt.declarations or [ ])
      } is deprecated. ${opt.type.deprecationMessage}"
      value;

  ## Public

  /**
    The value of definitions by a type, with everything that is known on the way: `mergedValue`, `isDefined`,
    `defsFinal` (the definitions that count), `optionalValue` (a set with the value, or without it where
    there is none), `valueMeta`.

    # Type
    `mergeDefinitions :: [ String ] -> OptionType -> [ Definition ] -> { mergedValue, isDefined, defsFinal, … }`

    # Example
    ```nix
    (mergeDefinitions [ "x" ] types.int [ { file = "a"; value = mkForce 1; } { file = "b"; value = 2; } ]).mergedValue
    => 1
    ```
  */
  mergeDefinitions =
    loc: type: defs:
    let
      settled = settle defs;
      isDefined = settled.values != [ ];
      checkedAndMerged = checkedMerge loc type settled.values;
      mergedValue = if isDefined then mergeSettled loc type settled.values else undefined loc type;
    in
    {
      defsFinal' = settled;
      defsFinal = settled.values;
      inherit isDefined mergedValue checkedAndMerged;
      optionalValue = if isDefined then { value = mergedValue; } else { };
      valueMeta = if isDefined then checkedAndMerged.valueMeta else { };
    };

  /**
    One option of several declarations, as the option tree has it before definitions are known.

    # Type
    `mergeOptionDecls :: [ String ] -> [ { _file, options, pos? } ] -> Option`
  */
  mergeOptionDecls =
    loc: opts:
    let
      decls = map (opt: {
        file = opt._file;
        options = opt.options;
        set = { };
        name = "";
      }) opts;
    in
    joinAll loc decls
    // {
      inherit loc;
      declarations = map (decl: decl.file) decls;
      declarationPositions = map (opt: opt.pos or (positionOf { file = opt._file; name = ""; set = { }; })) opts;
      options = [ ];
    };

  /**
    An option with its value and everything else of it, from its declaration and its definitions.

    # Type
    `evalOptionValue :: [ String ] -> Option -> [ Definition ] -> Option`
  */
  evalOptionValue =
    loc: opt: defs:
    (leaf loc (map (file: {
      inherit file;
      name = "";
      set = { };
    }) (opt.declarations or [ "<unknown-file>" ])) opt defs).options
    // {
      declarations = opt.declarations or [ ];
      declarationPositions = opt.declarationPositions or [ ];
    };

  /**
    An option with a type whose submodules name the option's file in messages.

    # Type
    `fixupOptionType :: [ String ] -> Option -> Option`
  */
  fixupOptionType =
    _loc: opt: if opt ? type then opt else opt // { type = unspecified; };

  # The option of a single declaration.
  located = locateSubmodules;
}
