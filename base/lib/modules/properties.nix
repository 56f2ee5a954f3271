# Properties: marks on definitions that say when, how strongly and in which order they count.
# `mkIf`, `mkMerge`, `mkOverride` (and `mkForce`, `mkDefault` …), `mkOrder` (and `mkBefore`, `mkAfter`), `mkDefinition`.
#
# A definition is a set `{ file, value }`. What has no property is by far the most common, so every function
# here first asks whether there is anything to do at all.
{ ... }:
let
  inherit (builtins)
    addErrorContext
    all
    any
    concatMap
    filter
    foldl'
    isAttrs
    isBool
    mapAttrs
    sort
    ;

  conditionError = throw "‘mkIf’ called with a non-Boolean condition";

  priorityOf = def: if def.value._type or null == "override" then def.value.priority else 100;

  orderOf = def: if def.value._type or null == "order" then def.value.priority else 1000;

  # Expands merges and conditions; gives the values that remain, each with its file. Contents of overrides
  # stay untouched: they may never be needed.
  discharge =
    file: value:
    let
      type = value._type or null;
    in
    if type == "merge" then
      concatMap (discharge file) value.contents
    else if type == "if" then
      if !isBool value.condition then
        conditionError
      else if value.condition then
        discharge file value.content
      else
        [ ]
    else if type == "definition" then
      discharge value.file value.value
    else
      [ { inherit file value; } ];

  dischargeAll = concatMap (
    def: addErrorContext "while evaluating definitions from `${def.file}':" (discharge def.file def.value)
  );

  # The definitions of the lowest number, their overrides taken off.
  strongest =
    defs:
    let
      highestPrio = foldl' (
        prio: def:
        let
          this = priorityOf def;
        in
        if this < prio then this else prio
      ) 9999 defs;
      strip =
        def: if def.value._type or null == "override" then def // { value = def.value.content; } else def;
    in
    {
      values = map strip (filter (def: priorityOf def == highestPrio) defs);
      inherit highestPrio;
    };

  inOrder =
    defs:
    if any (def: def.value._type or null == "order") defs then
      map (
        def:
        if def.value._type or null == "order" then
          def
          // {
            value = def.value.content;
            inherit (def.value) priority;
          }
        else
          def
      ) (
        sort (a: b: orderOf a < orderOf b) defs
      )
    else
      defs;

  # A definition of a set as definitions of sets without properties: what was said of the set is said of every
  # attribute. Conditions inside each other become one, so that it costs the same however deep they are; they are
  # not yet put around the attributes, but go beside the set as `condition`.
  pushDown =
    def:
    if def.value ? _type then pushProperty def.file def.value else [ def ];

  pushProperty =
    file: value:
    if value._type == "if" then
      pushCondition file value.condition value.content
    else if value._type == "merge" then
      concatMap (value: pushDown { inherit file value; }) value.contents
    else if value._type == "override" then
      map (
        def:
        inside def (content: {
          _type = "override";
          inherit (value) priority;
          inherit content;
        })
      ) (pushDown {
        inherit file;
        value = value.content;
      })
    else if value._type == "definition" then
      pushDown { inherit (value) file value; }
    else
      [ { inherit file value; } ];

  pushCondition =
    file: condition: value:
    if !value ? _type then
      [ { inherit file condition value; } ]
    else if value._type == "if" then
      pushCondition file (both condition value.condition) value.content
    else if value._type == "merge" then
      concatMap (pushCondition file condition) value.contents
    else
      map (
        def: if def ? condition then def // { condition = both condition def.condition; } else def // { inherit condition; }
      ) (pushProperty file value);

  # Definitions with their conditions put around the attributes.
  withConditions = map (
    def:
    if def ? condition then
      inside { inherit (def) file value; } (content: {
        _type = "if";
        inherit (def) condition;
        inherit content;
      })
    else
      def
  );

  inside =
    def: f:
    if isAttrs def.value then def // { value = mapAttrs (_: f) def.value; } else def;

  # Both conditions; what isn't a boolean stays, to be complained about.
  both = first: second: if first == false then false else if first == true then second else first;
in
rec {
  /**
    The priority of a definition that states none; lower numbers win.

    # Type
    `defaultOverridePriority :: Int`
  */
  defaultOverridePriority = 100;

  /**
    The order of a definition that states none; lower numbers come first.

    # Type
    `defaultOrderPriority :: Int`
  */
  defaultOrderPriority = 1000;

  ## Making properties

  /**
    A definition that counts only if a condition holds. Of a set, it is the attributes that count
    conditionally; so the condition may depend on other options.

    # Type
    `mkIf :: Bool -> a -> Property`

    # Example
    ```nix
    mkIf false 1
    => { _type = "if"; condition = false; content = 1; }
    ```
  */
  mkIf = condition: content: {
    _type = "if";
    inherit condition content;
  };

  /**
    A definition if an assertion holds, else an error with a message.

    # Type
    `mkAssert :: Bool -> String -> a -> Property`
  */
  mkAssert =
    assertion: message: content:
    mkIf (if assertion then true else throw "\nFailed assertion: ${message}") content;

  /**
    Several definitions in the place of one.

    # Type
    `mkMerge :: [ a ] -> Property`
  */
  mkMerge = contents: {
    _type = "merge";
    inherit contents;
  };

  /**
    A definition with a priority: among those of an option, only the ones with the lowest number count.

    # Type
    `mkOverride :: Int -> a -> Property`
  */
  mkOverride = priority: content: {
    _type = "override";
    inherit priority content;
  };

  /**
    The priority of an option's own default (1500).

    # Type
    `mkOptionDefault :: a -> Property`
  */
  mkOptionDefault = mkOverride 1500;

  /**
    A default that a configuration sets (1000): weaker than a plain definition.

    # Type
    `mkDefault :: a -> Property`
  */
  mkDefault = mkOverride 1000;

  /**
    The priority of definitions for installation media (60).

    # Type
    `mkImageMediaOverride :: a -> Property`
  */
  mkImageMediaOverride = mkOverride 60;

  /**
    A definition that replaces plain ones (50).

    # Type
    `mkForce :: a -> Property`
  */
  mkForce = mkOverride 50;

  /**
    The priority of definitions for virtual machines (10).

    # Type
    `mkVMOverride :: a -> Property`
  */
  mkVMOverride = mkOverride 10;

  /**
    Does nothing any more.

    # Type
    `mkFixStrictness :: a -> a`
  */
  mkFixStrictness = value: value;

  /**
    A definition with a place among the others, where definitions are joined: lower numbers come first.

    # Type
    `mkOrder :: Int -> a -> Property`
  */
  mkOrder = priority: content: {
    _type = "order";
    inherit priority content;
  };

  /**
    A definition that comes before plain ones (500).

    # Type
    `mkBefore :: a -> Property`
  */
  mkBefore = mkOrder 500;

  /**
    A definition that comes after plain ones (1500).

    # Type
    `mkAfter :: a -> Property`
  */
  mkAfter = mkOrder 1500;

  /**
    A definition with the file that messages shall name.

    # Type
    `mkDefinition :: { file :: String; value :: a; } -> Property`
  */
  mkDefinition =
    args@{ file, value, ... }:
    args // { _type = "definition"; };

  /**
    Applies a function to the value inside properties, and leaves them around it.

    # Type
    `mapDefinitionValue :: (a -> b) -> a | Property -> b | Property`

    # Example
    ```nix
    modules.mapDefinitionValue (x: x + 1) (mkForce 1) == mkForce 2
    => true
    ```
  */
  mapDefinitionValue =
    f: def:
    let
      type = def._type or null;
      again = mapDefinitionValue f;
    in
    if type == "if" || type == "override" || type == "order" then
      def // { content = again def.content; }
    else if type == "merge" then
      def // { contents = map again def.contents; }
    else if type == "definition" then
      def // { value = again def.value; }
    else
      f def;

  ## Resolving properties

  /**
    A set of definitions without properties on it: merges are expanded, conditions and priorities go down to
    the attributes.

    # Type
    `pushDownProperties :: AttrSet | Property -> [ AttrSet ]`

    # Example
    ```nix
    pushDownProperties (mkMerge [ { a = 1; } (mkIf true { b = 2; }) ]) == [ { a = 1; } { b = mkIf true 2; } ]
    => true
    ```
  */
  pushDownProperties =
    value:
    map (def: def.value) (withConditions (pushDown {
      file = "<unknown-file>";
      inherit value;
    }));

  /**
    The values of a definition whose conditions hold.

    # Type
    `dischargeProperties :: a | Property -> [ a ]`

    # Example
    ```nix
    dischargeProperties (mkMerge [ 1 (mkIf true 2) (mkIf false 3) ])
    => [ 1 2 ]
    ```
  */
  dischargeProperties = value: map (def: def.value) (discharge "<unknown-file>" value);

  /**
    The definitions of the highest priority, and that priority.

    # Type
    `filterOverrides' :: [ Definition ] -> { values :: [ Definition ]; highestPrio :: Int; }`

    # Example
    ```nix
    modules.filterOverrides' [ { file = "a"; value = mkDefault 1; } { file = "b"; value = mkForce 2; } ]
    => { values = [ { file = "b"; value = 2; } ]; highestPrio = 50; }
    ```
  */
  filterOverrides' = strongest;

  /**
    The definitions of the highest priority.

    # Type
    `filterOverrides :: [ Definition ] -> [ Definition ]`
  */
  filterOverrides = defs: (strongest defs).values;

  /**
    Definitions in the order that they state; equal ones stay as they are.

    # Type
    `sortProperties :: [ Definition ] -> [ Definition ]`
  */
  sortProperties = inOrder;

  ## For the rest of the module system

  # Whether none of the definitions has a property. A value of another `_type` counts as if it had one, which
  # costs time only.
  arePlain = all (
    def:
    !(
      (addErrorContext "while evaluating definitions from `${def.file}':" def.value) ? _type
    )
  );

  # Definitions as they count: `{ values, highestPrio }`.
  settle =
    defs:
    if defs == [ ] then
      {
        values = [ ];
        highestPrio = 9999;
      }
    else if arePlain defs then
      {
        values = defs;
        highestPrio = 100;
      }
    else
      settleProperties defs;

  inherit withConditions;

  settleProperties =
    defs:
    let
      kept = strongest (dischargeAll defs);
    in
    {
      values = inOrder kept.values;
      inherit (kept) highestPrio;
    };

  # Definitions of a set whose values are all sets without properties, but for conditions beside them.
  pushDownAll = defs: if arePlain defs then defs else concatMap pushDown defs;
}
