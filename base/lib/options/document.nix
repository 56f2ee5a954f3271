# The documentation of options as a list of records.
{ lib }:
let
  inherit (builtins)
    attrNames
    concatMap
    isAttrs
    isList
    mapAttrs
    ;
  inherit (lib.attrsets) isDerivation;
  inherit (lib.options) isOption showOption;

  # The options in a tree.
  documentSet =
    set:
    concatMap (
      name:
      let
        node = set.${name};
      in
      if !isAttrs node then
        [ ]
      else if isOption node then
        documentOption node
      else if isDerivation node then
        [ ]
      else
        documentSet node
    ) (attrNames set);

  documentOption =
    opt:
    let
      visible = opt.visible or true;
    in
    if visible == false || visible == "shallow" || !opt.type ? getSubOptions then
      [ (record opt visible) ]
    else
      [ (record opt visible) ] ++ documentSet (opt.type.getSubOptions opt.loc);

  record =
    opt: visible:
    {
      inherit (opt) loc;
      declarations = builtins.filter (file: file != lib.options.unknownModule) opt.declarations;
      name = showOption opt.loc;
      description = opt.description or null;
      internal = opt.internal or false;
      # What is "shallow" is there itself; what is "transparent" is not.
      visible = if builtins.isBool visible then visible else visible == "shallow";
      readOnly = opt.readOnly or false;
      type = opt.type.description or "unspecified";
    }
    // (
      if opt ? example then { example = within "example" opt (render opt.example); } else { }
    )
    // (
      if opt ? defaultText || opt ? default || hasEmptyValue opt then
        {
          default = within (if opt ? defaultText then "defaultText" else "default") opt (
            render (opt.defaultText or opt.default or opt.type.emptyValue.value)
          );
        }
      else
        { }
    )
    // (
      if opt ? relatedPackages && opt.relatedPackages != null then
        { inherit (opt) relatedPackages; }
      else
        { }
    );

  # An option that nobody has to define, because its type has an empty value. What submodules make of nothing
  # takes an evaluation, and says little.
  hasEmptyValue =
    opt: opt.type.emptyValue or { } ? value && opt.type.getSubModules or null == null;

  within =
    what: opt:
    builtins.addErrorContext "while evaluating the ${what} of option `${showOption opt.loc}`";

  render =
    value:
    if value ? _type && value ? text then
      value
    else
      lib.options.literalExpression (
        lib.generators.toPretty {
          multiline = true;
          allowPrettyValues = true;
        } value
      );
in
rec {
  /**
    A default or an example as text: what isn't text already becomes a Nix expression.

    # Type
    `renderOptionValue :: Any -> { _type, text }`

    # Example
    ```nix
    options.renderOptionValue { a = 1; }
    => { _type = "literalExpression"; text = "{\n  a = 1;\n}"; }
    ```
  */
  renderOptionValue = render;

  /**
    All options in a tree as records: `loc`, `name`, `description`, `type`, `default`, `example`, `declarations`,
    `internal`, `visible`, `readOnly`, `relatedPackages`. Options of submodules follow their parents.

    # Type
    `optionAttrSetToDocList :: AttrSet -> [ AttrSet ]`

    # Example
    ```nix
    map (o: o.name) (optionAttrSetToDocList (removeAttrs (evalModules { modules = [ { options.a.b = mkOption { }; } ]; }).options [ "_module" ]))
    => [ "a.b" ]
    ```
  */
  optionAttrSetToDocList = optionAttrSetToDocList' [ ];

  /**
    `optionAttrSetToDocList` for a tree at a path.

    # Type
    `optionAttrSetToDocList' :: [ String ] -> AttrSet -> [ AttrSet ]`
  */
  optionAttrSetToDocList' =
    _path: tree: if isOption tree then documentOption tree else documentSet tree;

  /**
    A value without the attributes of derivations in it, their names excepted. `renderOptionValue` replaced it.

    # Type
    `scrubOptionValue :: Any -> Any`
  */
  scrubOptionValue =
    value:
    if isDerivation value then
      {
        type = "derivation";
        drvPath = value.name;
        outPath = value.name;
        inherit (value) name;
      }
    else if isList value then
      map scrubOptionValue value
    else if isAttrs value then
      mapAttrs (_: scrubOptionValue) (builtins.removeAttrs value [ "_args" ])
    else
      value;
}
