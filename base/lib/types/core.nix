# What all types are made of.
{ lib }:
let
  inherit (builtins)
    all
    filter
    ;
  inherit (lib.options) mergeDefaultOption;
in
rec {
  ## Marks

  /**
    Whether a value is a set marked as of a kind.

    # Type
    `isType :: String -> Any -> Bool`

    # Example
    ```nix
    isType "option" (mkOption { })
    => true
    ```
  */
  isType = type: value: value._type or null == type;

  /**
    Marks a set as of a kind.

    # Type
    `setType :: String -> AttrSet -> AttrSet`

    # Example
    ```nix
    setType "x" { a = 1; }
    => { _type = "x"; a = 1; }
    ```
  */
  setType = typeName: value: value // { _type = typeName; };

  /**
    Whether a value is an option type.

    # Type
    `isOptionType :: Any -> Bool`

    # Example
    ```nix
    map isOptionType [ types.int { } ]
    => [ true false ]
    ```
  */
  isOptionType = isType "option-type";

  ## Making types

  # What a type has if it doesn't say so.
  base = {
    _type = "option-type";
    descriptionClass = null;
    deprecationMessage = null;
    check = _: true;
    merge = mergeDefaultOption;
    emptyValue = { };
    getSubOptions = _: { };
    getSubModules = null;
    substSubModules = _: null;
    nestedTypes = { };
  };

  /**
    Makes an option type of what is different from other types:

    - `name`: short, for programs
    - `description`: for people; how it goes together with others is its `descriptionClass`: `"noun"`
      (one thing), `"conjunction"` (several things joined by `or`), `"composite"` (`… of …`),
      `"nonRestrictiveClause"` (something after a comma)
    - `check`, `merge` and the other attributes of types

    # Type
    `mkOptionType :: { name :: String; description?, descriptionClass?, check?, merge?, … } -> OptionType`

    # Example
    ```nix
    (mkOptionType { name = "even"; check = x: mod x 2 == 0; }).check 3
    => false
    ```
  */
  mkOptionType =
    args@{ name, ... }:
    let
      functor = args.functor or (defaultFunctor name);
    in
    base
    // {
      description = name;
      inherit functor;
      typeMerge = defaultTypeMerge functor;
    }
    // (
      if args ? description && args.description == null then
        builtins.removeAttrs args [ "description" ]
      else
        args
    );

  /**
    The part of a type that says how it is joined with another of the same name: not at all, if it has a
    payload.

    # Type
    `defaultFunctor :: String -> Functor`
  */
  defaultFunctor = name: {
    inherit name;
    type = lib.types.${name} or null;
    payload = null;
    binOp = _: _: null;
  };

  /**
    Joins two types by their functors: the names have to be equal; the payloads are joined by `binOp` and the
    type is made of the result. Null if that can't be done.

    # Type
    `defaultTypeMerge :: Functor -> Functor -> OptionType | null`
  */
  defaultTypeMerge =
    f: f':
    if f.name != f'.name then
      null
    # types of code outside that still have the type inside in `wrapped`
    else if f.wrapped or null != null && f'.wrapped or null != null && f.payload or null == null then
      let
        wrapped = f.wrapped.typeMerge f'.wrapped.functor;
      in
      if wrapped == null then null else f.type wrapped
    else if f.payload or null == null && f'.payload or null == null then
      f.type
    else if f.payload or null == null || f'.payload or null == null then
      null
    else
      let
        payload = f.binOp f.payload f'.payload;
      in
      if payload == null then null else f.type payload;

  # A functor with a payload.
  functorOf = name: type: payload: binOp: {
    inherit
      name
      type
      payload
      binOp
      ;
  };

  ## Merges

  # Joins by a function, with a single definition being the value.
  identity = merge: {
    __functor = _: merge;
    identity = true;
  };

  # The same, for types whose check looks at no more than the kind of value.
  scalar = merge: {
    __functor = _: merge;
    identity = true;
    scalar = true;
  };

  # Null, or what is wrong with the outside of definitions.
  invalidDefs =
    check: defs:
    if all (def: check def.value) defs then
      null
    else
      {
        message = "TypeError: Definition values:${
          lib.options.showDefs (filter (def: !check def.value) defs)
        }";
      };

  # A merge of the second protocol that can be called as one of the first.
  v2Merge = v2: {
    __functor =
      self: loc: defs:
      (self.v2 { inherit loc defs; }).value;
    inherit v2;
  };

  # A check of a type whose `v2` checks the same.
  v2Check = check: {
    __functor = _: check;
    isV2MergeCoherent = true;
  };

  ## Descriptions

  /**
    A type's description, in parentheses unless a predicate of its class says that it needs none.

    # Type
    `optionDescriptionPhrase :: (String | null -> Bool) -> OptionType -> String`

    # Example
    ```nix
    types.optionDescriptionPhrase (class: class == "noun") (types.either types.int types.str)
    => "(signed integer or string)"
    ```
  */
  optionDescriptionPhrase =
    unparenthesize: type:
    if unparenthesize (type.descriptionClass or null) then type.description else "(${type.description})";

  ## Types from types

  /**
    A type with a further condition.

    # Type
    `addCheck :: OptionType -> (a -> Bool) -> OptionType`

    # Example
    ```nix
    map (types.addCheck types.int (x: x > 3)).check [ 3 4 ]
    => [ false true ]
    ```
  */
  addCheck =
    type: check:
    let
      both = x: type.check x && check x;
    in
    if type.merge ? v2 then
      type
      // {
        check = v2Check both;
        merge = v2Merge (
          { loc, defs }:
          let
            inner = lib.modules._internal.checkedMerge loc type defs;
          in
          {
            headError = if inner.headError != null then inner.headError else invalidDefs both defs;
            inherit (inner) value valueMeta;
          }
        );
      }
    else
      type
      // {
        check = both;
        # the condition may look at anything
        merge = if type.merge.scalar or false then identity (loc: defs: type.merge loc defs) else type.merge;
      };

  /**
    Joins two types; a set with `_type = "merge-error"` if that can't be done.

    # Type
    `mergeTypes :: OptionType -> OptionType -> OptionType`

    # Example
    ```nix
    (types.mergeTypes (types.enum [ "a" ]) (types.enum [ "b" ])).check "b"
    => true
    ```
  */
  mergeTypes =
    a: b:
    assert isOptionType a && isOptionType b;
    let
      merged = a.typeMerge b.functor;
    in
    if merged == null then setType "merge-error" { error = "Cannot merge types"; } else merged;
}
