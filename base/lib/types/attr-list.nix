# Sets with an order: lists of sets of one attribute, where a name may come more than once.
{ lib, core }:
let
  inherit (builtins)
    attrNames
    concatMap
    filter
    foldl'
    groupBy
    head
    isAttrs
    isBool
    isList
    length
    mapAttrs
    sort
    ;
  inherit (lib.options) showDefs;
  inherit (lib.modules._internal) checkedMerge mergeSettled;

  # What properties around a value say, without looking into the contents of overrides: those that lose are
  # never evaluated. Several, for there may be merges.
  outside =
    file: order: value:
    let
      type = value._type or null;
    in
    if type == "order" then
      outside file value.priority value.content
    else if type == "merge" then
      concatMap (outside file order) value.contents
    else if type == "if" then
      if !isBool value.condition then
        throw "‘mkIf’ called with a non-Boolean condition"
      else if value.condition then
        outside file order value.content
      else
        [ ]
    else if type == "definition" then
      outside value.file order value.value
    else
      [
        {
          inherit file order;
          priority = if type == "override" then value.priority else lib.modules.defaultOverridePriority;
          value = if type == "override" then value.content else value;
        }
      ];

  # Entries of a definition: `{ name, file, order, priority, value }`.
  entriesOf =
    def:
    if isList def.value then
      concatMap (
        element:
        concatMap (
          part:
          let
            name = head (attrNames part.value);
          in
          map (entry: entry // { inherit name; }) (outside part.file part.order part.value.${name})
        ) (outside def.file lib.modules.defaultOrderPriority element)
      ) def.value
    else
      concatMap (
        name:
        map (entry: entry // { inherit name; }) (
          outside def.file lib.modules.defaultOrderPriority def.value.${name}
        )
      ) (attrNames def.value);

  # The entries that count, in their order.
  arrange =
    entries:
    let
      strongest = mapAttrs (
        _: foldl' (prio: entry: if entry.priority < prio then entry.priority else prio) 9999
      ) (groupBy (entry: entry.name) entries);
      kept = filter (entry: entry.priority == strongest.${entry.name}) entries;
      # Now the contents of overrides may be looked at.
      open = entry: map (inner: inner // { inherit (entry) name; }) (outside entry.file entry.order entry.value);
    in
    sort (a: b: a.order < b.order) (concatMap open kept);

  shapeError =
    def:
    let
      wrong = filter (problem: problem != null) (
        map (
          element:
          let
            parts = outside def.file 0 element;
            bad = filter (part: !isAttrs part.value || length (attrNames part.value) != 1) parts;
            part = head bad;
          in
          if bad == [ ] then
            null
          else
            {
              message = "Each list element must be ${
                if isAttrs part.value then
                  "a single-key attribute set, but got ${toString (length (attrNames part.value))} keys"
                else
                  "an attribute set, but got ${builtins.typeOf part.value}"
              }.${
                showDefs [
                  {
                    inherit (part) file value;
                  }
                ]
              }";
            }
        ) def.value
      );
    in
    if isList def.value && wrong != [ ] then head wrong else null;

  isOuter = x: isList x || isAttrs x;

  attrListWith =
    {
      elemType,
      asAttrs ? false,
      mergeAttrValues ? (_name: values: values),
    }:
    core.base
    // {
      name = "attrListOf";
      description = "attribute list of ${
        core.optionDescriptionPhrase (class: class == "noun" || class == "composite") elemType
      }";
      descriptionClass = "composite";
      check = core.v2Check isOuter;
      merge = core.v2Merge (
        { loc, defs }:
        let
          outer = core.invalidDefs isOuter defs;
          shape = filter (error: error != null) (map shapeError defs);

          results = map (
            entry:
            let
              place = loc ++ [ entry.name ];
              own = [
                {
                  inherit (entry) file value;
                }
              ];
              result = checkedMerge place elemType own;
            in
            {
              inherit (entry) name file order;
              value = if result.headError == null then result.value else mergeSettled place elemType own;
              inherit (result) valueMeta;
            }
          ) (arrange (concatMap entriesOf defs));

          ordered = map (entry: { ${entry.name} = entry.value; }) results;
        in
        {
          headError =
            if outer != null then
              outer
            else if shape != [ ] then
              head shape
            else
              null;
          value =
            if asAttrs then
              mapAttrs (name: entries: mergeAttrValues name (map (entry: entry.value) entries)) (
                groupBy (entry: entry.name) results
              )
            else
              ordered;
          valueMeta = {
            attrList = map (entry: entry.valueMeta) results;
            attrListValue = ordered;
            # For passing on, with files and places.
            definitions = map (
              entry:
              lib.modules.mkDefinition {
                inherit (entry) file;
                value = lib.modules.mkOrder entry.order { ${entry.name} = entry.value; };
              }
            ) results;
          };
        }
      );
      emptyValue.value = if asAttrs then { } else [ ];
      getSubOptions = prefix: elemType.getSubOptions (prefix ++ [ "<name>" ]);
      inherit (elemType) getSubModules;
      substSubModules =
        m:
        attrListWith {
          elemType = elemType.substSubModules m;
          inherit asAttrs mergeAttrValues;
        };
      functor = core.functorOf "attrListOf" attrListWith { inherit elemType asAttrs mergeAttrValues; } (_: _: null);
      typeMerge = _: null;
      nestedTypes = { inherit elemType; };
    };
in
{
  /**
    An ordered list of sets with one attribute each. It may be defined by such lists and by sets; `mkOrder` around
    elements or values says where they go, and `mkForce` on a value removes others of the same name. With `asAttrs` the
    value is a set of what `mergeAttrValues` makes of each name's values; the order is in the option's `valueMeta`.

    # Type
    `attrListWith :: { elemType :: OptionType; asAttrs :: Bool ? false; mergeAttrValues :: String -> [ a ] -> b ? (name: values: values); } -> OptionType`
  */
  inherit attrListWith;

  /**
    `attrListWith` as a list.

    # Type
    `attrListOf :: OptionType -> OptionType`

    # Example
    ```nix
    (mergeDefinitions [ "x" ] (types.attrListOf types.int) [ { file = "a"; value = [ { a = 1; } { b = mkBefore 2; } ]; } ]).mergedValue
    => [ { b = 2; } { a = 1; } ]
    ```
  */
  attrListOf = elemType: attrListWith { inherit elemType; };
}
