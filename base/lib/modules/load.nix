# Loading modules: from files, functions and sets to records, and all that they import.
#
# A module is prepared once (`prepare`: its file is imported, its form is looked at) and completed for every
# evaluation (a function gets its arguments). The modules of a submodule type are prepared once for all submodules
# of that type. The record of a module is
#   { key, file, class, disabled, options, value, freeform, imports }
# where `file` and `options`, or `file` and `value`, are what lib/modules/tree.nix takes as a declaration or a
# definition; `freeform` is a list of at most one type; `imports` are prepared modules.
{ lib, parts }:
let
  inherit (builtins)
    addErrorContext
    attrNames
    any
    concatMap
    elem
    filter
    genList
    elemAt
    genericClosure
    intersectAttrs
    isAttrs
    isList
    isPath
    isString
    length
    mapAttrs
    removeAttrs
    substring
    toJSON
    typeOf
    ;
  inherit (lib.options) showDefs showOption;

  unknownFile = "<unknown-file>";

  # Attributes of a module that has `config` or `options`.
  structure = {
    _class = null;
    _file = null;
    key = null;
    disabledModules = null;
    imports = null;
    options = null;
    config = null;
    meta = null;
    freeformType = null;
  };
  structureNames = attrNames structure;

  locationNames = [
    "_class"
    "_file"
    "imports"
  ];

  # Attributes of a module that is its own configuration which are not configuration.
  reserved = {
    _class = null;
    _file = null;
    key = null;
    disabledModules = null;
    require = null;
    imports = null;
    freeformType = null;
  };
  reservedNames = attrNames reserved;

  ## Errors

  wrongType =
    context: file: module:
    let
      inherit (context) class;
      flakeClass = if class == null then "someApp" else class;
      places = (if file == unknownFile then [ ] else [ file ]) ++ (if context.prefix == [ ] then [ ] else [ (showOption context.prefix) ]);
    in
    throw (
      "Expected a module, but found a value of type ${toJSON module._type}"
      + lib.strings.concatMapStrings (place: ", while trying to load a module into ${place}") places
      + ".\n"
      + ''
        A module is typically loaded by adding it to the imports = [ ... ]; attribute of an existing module, or in the modules = [ ... ]; argument of various functions.
        Please make sure that each of the list items is a module, and not a different kind of value.
      ''
      + (
        if module._type == "configuration" then
          ''

            A configuration is the result of modules, not a module itself. If you really mean to import this configuration, instead please only import the modules that make up the configuration.
            Put them into a `let` binding, a file or an attribute of their own where both have access to them.
          ''
        else if module._type == "flake" then
          ''

            Perhaps you forgot to select an attribute name?
            Instead of, for example,
                inputs.someflake
            you need to write something like
                inputs.someflake.modules.${flakeClass}.default${
                  if class == "nixos" then
                    "\nor\n    inputs.someflake.nixosModules.default"
                  else if class == "darwin" then
                    "\nor\n    inputs.someflake.darwinModules.default"
                  else
                    ""
                }
          ''
        else
          ""
      )
    );

  nestedList =
    file: value:
    throw "Module imports can't be nested lists. Perhaps you meant to remove one level of lists? Definitions:${
      showDefs [ { inherit file value; } ]
    }";

  unsupported =
    key: names:
    throw "Module `${key}' has an unsupported attribute `${builtins.head names}'. This is caused by introducing a top-level `config' or `options' attribute. Add configuration attributes immediately on the top level instead, or move all of them (namely: ${builtins.concatStringsSep " " names}) into the explicit `config' attribute.";

  checkClass =
    expected: record:
    if expected == null || record.class == null || record.class == expected then
      record
    else
      throw ''
        The module `${record.file}` (class: ${toJSON record.class}) cannot be imported into a module evaluation that expects class ${toJSON expected}.

        Help:
        - Ensure that you are importing the correct module.
        - Verify that the module's `_class`, ${toJSON record.class} matches the expected `class` ${toJSON expected}.
        - If you are using a custom class, make sure it is correctly defined and used consistently across your modules.'';

  ## Preparing

  # Prepared modules of a list; `file` and `key` are those of the importer.
  prepareAll =
    file: key: modules:
    let
      prepare = prepareFor file key;
    in
    genList (n: prepare (n + 1) (elemAt modules n)) (length modules);

  # A prepared module is a function of the evaluation's context that gives the record. `n` is its place in the
  # importer's list.
  prepareFor =
    file: parentKey:
    let
      prepare =
        n: module:
        if builtins.isFunction module then
          prepareFunction file "${parentKey}:anon-${toString n}" module
        else if isAttrs module then
          if module ? __functor then
            prepareFunction file "${parentKey}:anon-${toString n}" module
          else if module ? _class && attrNames module == locationNames && module._class == null then
            # a location, put around a module by lib/modules/option.nix
            prepareFor module._file parentKey n (elemAt module.imports 0)
          else if !module ? _type || module._type == "if" || module._type == "override" then
            prepareSet file "${parentKey}:anon-${toString n}" module
          else
            context: wrongType context file module
        else if isList module then
          _: nestedList file module
        else if isPath module || isString module then
          prepareFile (toString module) (import module)
        else
          _:
          throw "A module must be a path, a function or an attribute set, but in the imports of ${file} there is a value of type ${typeOf module}.";
    in
    prepare;

  # What a file contains.
  prepareFile =
    path: content:
    if builtins.isFunction content || content ? __functor then
      prepareFunction path path content
    else if isAttrs content then
      let
        type = content._type or null;
      in
      if type == null || type == "if" || type == "override" then
        prepareSet path path content
      else
        context: wrongType context path content
    else
      prepareSet path path content;

  prepareSet =
    file: key: module:
    let
      record = unify file key module;
    in
    # the same for every evaluation
    _: record;

  prepareFunction =
    file: key: f:
    let
      formals = lib.trivial.functionArgs f;
    in
    if formals == { } then
      context: unify file key (f context.args)
    else
      context:
      let
        # Arguments that come from `_module.args`.
        missing = removeAttrs formals context.argNames;
      in
      unify file key (
        if missing == { } then
          f context.args
        else
          f (context.args // mapAttrs (name: _: lateArgument context key name) missing)
      );

  lateArgument =
    context: key: name:
    addErrorContext "while evaluating the module argument `${name}' in \"${key}\":" (
      addErrorContext
        "noting that argument `${name}` is not externally provided, so querying `_module.args` instead, requiring `config`"
        context.moduleArgs.${name}
    );

  # The record of a module's set.
  unify =
    file: key: module:
    if !isAttrs module then
      throw "module ${file} (${key}) does not look like a module."
    else if module ? config || module ? options then
      let
        unknown = removeAttrs module structureNames;
        file' = if module ? _file then toString module._file else file;
        key' = if module ? key then toString module.key else key;
      in
      if unknown != { } then
        unsupported key (attrNames unknown)
      else
        {
          file = file';
          key = key';
          class = module._class or null;
          disabled = module.disabledModules or [ ];
          imports = if module ? imports then prepareAll file' key' module.imports else [ ];
          options =
            if !module ? options then
              { }
            else if isAttrs module.options then
              module.options
            else
              parts.tree.notAnOption [ ] file' module.options;
          freeform = if module ? freeformType then [ module.freeformType ] else [ ];
          value =
            if module ? meta then
              {
                _type = "merge";
                contents = [
                  (module.config or { })
                  { inherit (module) meta; }
                ];
              }
            else
              module.config or { };
        }
    else if intersectAttrs reserved module == { } then
      configRecord file key module
    else
      let
        file' = if module ? _file then toString module._file else file;
        key' = if module ? key then toString module.key else key;
        imports =
          (
            if module ? require then
              (if isList module.require then module.require else [ module.require ])
            else
              [ ]
          )
          ++ module.imports or [ ];
      in
      {
        file = file';
        key = key';
        class = module._class or null;
        disabled = module.disabledModules or [ ];
        imports = if imports == [ ] then [ ] else prepareAll file' key' imports;
        options = { };
        freeform = if module ? freeformType then [ module.freeformType ] else [ ];
        value = removeAttrs module reservedNames;
      };

  # The record of a module that is nothing but definitions.
  configRecord = file: key: value: {
    inherit file key value;
    class = null;
    disabled = [ ];
    imports = [ ];
    options = { };
    freeform = [ ];
  };

  ## Disabling

  # The key that an item of `disabledModules` means.
  disabledKey =
    modulesPath: file: item:
    if isString item then
      if substring 0 1 item == "/" then item else toString modulesPath + "/" + item
    else if isAttrs item && !lib.strings.isStringLike item then
      if item ? key then
        toString item.key
      else
        throw "Module `${file}` contains a disabledModules item that is an attribute set, presumably a module, that does not have a `key` attribute. This means that the module system doesn't have any means to identify the module that should be disabled. Make sure that you've put the correct value in disabledModules: a string path relative to modulesPath, a path value, or an attribute set with a `key` attribute."
    else if lib.strings.isConvertibleWithToString item then
      toString item
    else
      throw "Each disabledModules item must be a path, string, or a attribute set with a key attribute, or a value supported by toString. However, one of the disabledModules items in `${file}` is none of that, but is of type ${typeOf item}.";

  ## Collecting

  # Every module that prepared ones import, themselves included, each key once; and the import graph.
  # The context has `class`, `prefix`, `args`, `argNames`, `moduleArgs` and `modulesPath`.
  collect =
    context: prepared:
    let
      complete =
        if context.class == null then
          (prepared: prepared context)
        else
          (prepared: checkClass context.class (prepared context));

      start = map complete prepared;

      all = genericClosure {
        startSet = start;
        operator = record: map complete record.imports;
      };

      disabledKeys = concatMap (
        record: map (disabledKey context.modulesPath record.file) record.disabled
      ) all;

      enabled = filter (record: !elem record.key disabledKeys);

      nodeOf = record: {
        inherit (record) key file;
        imports = map (p: nodeOf (complete p)) record.imports;
        disabled = elem record.key disabledKeys;
      };
    in
    {
      modules =
        if !any (record: record.disabled != [ ]) all then
          all
        else
          genericClosure {
            startSet = enabled start;
            operator = record: enabled (map complete record.imports);
          };
      graph = map nodeOf start;
    };
in
{
  inherit
    unknownFile
    prepareAll
    configRecord
    collect
    unify
    ;
}
