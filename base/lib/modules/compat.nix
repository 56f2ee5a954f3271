# Parts of the module system under the names that code outside has used for them.
{ lib, parts }:
let
  inherit (builtins) mapAttrs zipAttrsWith;
  inherit (parts) load properties tree;

  discouraged =
    name:
    lib.trivial.warn "External use of `lib.modules.${name}` is deprecated: it is a part of the module system that may change.";
in
rec {
  /**
    For an option of type `attrsOf`: every attribute's value and the priority of its definitions.

    # Type
    `mergeAttrDefinitionsWithPrio :: Option -> { [String] :: { value :: a; highestPrio :: Int; } }`
  */
  mergeAttrDefinitionsWithPrio =
    opt:
    let
      byName = zipAttrsWith (_: defs: defs) (
        map (
          def:
          mapAttrs (_: value: {
            inherit (def) file;
            inherit value;
          }) def.value
        ) (properties.withConditions (properties.pushDownAll opt.definitionsWithLocations))
      );
    in
    mapAttrs (
      name: defs:
      let
        merging = parts.option.mergeDefinitions (opt.loc ++ [ name ]) opt.type.nestedTypes.elemType defs;
      in
      {
        value = merging.mergedValue;
        inherit (merging.defsFinal') highestPrio;
      }
    ) byName;

  /**
    Declarations and definitions of unified modules, joined: the option tree and definitions without an option.

    # Type
    `mergeModules :: [ String ] -> [ UnifiedModule ] -> { matchedOptions, unmatchedDefns }`
  */
  mergeModules =
    prefix: modules:
    mergeModules' prefix modules (
      map (m: {
        file = m._file;
        inherit (m) config;
      }) modules
    );

  /**
    `mergeModules` with the definitions (`{ file, config }`) given apart from the declarations.
  */
  mergeModules' =
    prefix: modules: configs:
    let
      byName = tree.definitionsByName prefix (
        properties.pushDownAll (
          map (c: {
            inherit (c) file;
            value = c.config;
          }) configs
        )
      );
      nodes = tree.nodesOf prefix (map (m: {
        file = m._file;
        inherit (m) options;
      }) modules) byName;
    in
    {
      matchedOptions = mapAttrs (_: node: node.options) nodes;
      unmatchedDefns = tree.unmatchedOf prefix nodes byName;
    };

  /**
    A module's set as `{ _file, key, imports, options, config, … }`.
  */
  unifyModuleSyntax = discouraged "unifyModuleSyntax" unified;

  unified =
    file: key: module:
    let
      record = load.unify file key module;
    in
    {
      _file = record.file;
      _class = record.class;
      inherit (record) key options;
      disabledModules = record.disabled;
      imports = module.require or [ ] ++ module.imports or [ ];
      config =
        if record.freeform == [ ] then
          record.value
        else
          properties.mkMerge [
            record.value
            { _module.freeformType = builtins.head record.freeform; }
          ];
    };

  /**
    All modules that some modules import, as `unifyModuleSyntax` gives them.
  */
  collectModules = discouraged "collectModules" (
    class: modulesPath: initialModules: args:
    map
      (record: {
        _file = record.file;
        _class = record.class;
        inherit (record) key options;
        config = record.value;
      })
      (load.collect {
        inherit args class modulesPath;
        prefix = [ ];
        argNames = builtins.attrNames args;
        moduleArgs = args.config._module.args or { };
      } (load.prepareAll load.unknownFile "" initialModules)).modules
  );

  /**
    Calls a module that is a function with its arguments.
  */
  applyModuleArgsIfFunction = discouraged "applyModuleArgsIfFunction" (
    key: f:
    args@{ config, ... }:
    if lib.trivial.isFunction f then
      f (
        args
        // mapAttrs (name: _: args.${name} or config._module.args.${name}) (lib.trivial.functionArgs f)
      )
    else
      f
  );

  /**
    A module of several ones whose result goes through a function.
  */
  fixMergeModules =
    modules: args:
    discouraged "fixMergeModules" (
      lib.evalModules {
        modules = modules ++ [ { _module.check = lib.modules.mkDefault false; } ];
        specialArgs = args;
      }
    );
}
