# Modules as values: evaluated where they are defined (submodules), or later (deferred modules).
{ lib, core }:
let
  inherit (builtins)
    attrNames
    genList
    elemAt
    intersectAttrs
    isAttrs
    isFunction
    length
    toJSON
    ;
  inherit (lib.lists) last toList;
  inherit (lib.modules._internal)
    configRecord
    evaluate
    evaluateAgain
    locate
    prepareAll
    unknownFile
    ;

  # What the attribute of a submodule is called in documentation.
  anyName = "‹name›";

  isModule = x: isAttrs x || isFunction x || lib.types.path.check x;

  submoduleWith =
    attrs@{
      modules,
      specialArgs ? { },
      shorthandOnlyDefinesConfig ? false,
      description ? null,
      class ? null,
    }:
    let
      # Prepared once for all submodules of this type.
      prepared = prepareAll unknownFile "" modules;

      # Evaluates the type's modules with definitions.
      instance =
        {
          prefix,
          name,
          defs,
          check ? true,
        }:
        let
          count = length defs;
          # Definitions that are configuration need no further look.
          isPlain = def: shorthandOnlyDefinesConfig == true && isAttrs def.value;
          definitions = builtins.filter isPlain defs;
          others = builtins.filter (def: !isPlain def) defs;

          # The same modules for those that evaluate again.
          asModule =
            def:
            if isPlain def then
              {
                _file = def.file;
                config = def.value;
              }
            else
              locate def.file def.value;
          all = modules ++ map asModule defs;
        in
        evaluate {
          prepared =
            if others == [ ] then
              prepared
            else
              prepared ++ prepareAll unknownFile ":definition" (map (def: locate def.file def.value) others);
          definitions = genList (
            n:
            let
              def = elemAt definitions n;
            in
            configRecord def.file ":definition-${toString n}" def.value
          ) (if others == [ ] then count else length definitions);
          moduleArgs = { inherit name; };
          inherit
            specialArgs
            prefix
            class
            check
            ;
          again = evaluateAgain {
            modules = all;
            moduleArgs = { inherit name; };
            inherit specialArgs prefix class;
          };
          type = submoduleWith {
            modules = all;
            inherit specialArgs class;
          };
        };

      documented =
        prefix:
        instance {
          inherit prefix;
          name = anyName;
          defs = [ ];
          check = false;
        };

      inherit (documented [ ]) _module;
      inherit (_module) freeformType;

      functor = core.functorOf "submodule" submoduleWith {
        inherit
          modules
          class
          specialArgs
          shorthandOnlyDefinesConfig
          description
          ;
      } joinPayloads;
    in
    {
      _type = "option-type";
      name = "submodule";
      description =
        if description != null then
          description
        else if freeformType == null then
          "submodule"
        else
          "open submodule of ${
            core.optionDescriptionPhrase (
              class: class == "noun" || class == "composite"
            ) freeformType
          }";
      descriptionClass = null;
      deprecationMessage = null;
      check = core.v2Check isModule;
      merge = core.v2Merge (
        { loc, defs }:
        let
          configuration = instance {
            prefix = loc;
            name = if loc == [ ] then anyName else last loc;
            inherit defs;
          };
        in
        {
          headError = core.invalidDefs isModule defs;
          value = configuration.config;
          valueMeta = { inherit configuration; };
        }
      );
      emptyValue.value =
        (instance {
          prefix = [ ];
          name = anyName;
          defs = [ ];
        }).config;
      getSubOptions =
        prefix:
        let
          docs = documented prefix;
          free = docs._module.freeformType;
        in
        docs.options
        // (if free == null then { } else { _freeformOptions = free.getSubOptions prefix; });
      getSubModules = modules;
      substSubModules = m: submoduleWith (attrs // { modules = m; });
      inherit functor;
      typeMerge = core.defaultTypeMerge functor;
      nestedTypes = if freeformType == null then { } else { inherit freeformType; };
    };

  # Joins what two declarations of a submodule say.
  joinPayloads =
    a: b:
    let
      both = intersectAttrs a.specialArgs b.specialArgs;
      conflict = what: throw "A submoduleWith option is declared multiple times with conflicting ${what}";
      # One of two values, if one is null or they are equal.
      agree =
        what: x: y:
        if x == null then
          y
        else if y == null || x == y then
          x
        else
          conflict what;
    in
    {
      modules = a.modules ++ b.modules;
      class = agree "class values ${toJSON a.class} and ${toJSON b.class}." a.class b.class;
      specialArgs =
        if both == { } then
          a.specialArgs // b.specialArgs
        else
          throw "A submoduleWith option is declared multiple times with the same specialArgs \"${toString (attrNames both)}\"";
      shorthandOnlyDefinesConfig =
        agree "shorthandOnlyDefinesConfig values" a.shorthandOnlyDefinesConfig
          b.shorthandOnlyDefinesConfig;
      description = agree "descriptions" a.description b.description;
    };

  deferredModuleWith =
    attrs@{
      staticModules ? [ ],
    }:
    let
      functor = core.functorOf "deferredModuleWith" deferredModuleWith { inherit staticModules; } (
        a: b: { staticModules = a.staticModules ++ b.staticModules; }
      );
    in
    core.base
    // {
      name = "deferredModule";
      description = "module";
      descriptionClass = "noun";
      check = isModule;
      merge = loc: defs: {
        imports =
          staticModules
          ++ map (
            def:
            lib.modules.setDefaultModuleLocation "${def.file}, via option ${lib.options.showOption loc}" def.value
          ) defs;
      };
      inherit (submoduleWith { modules = staticModules; }) getSubOptions getSubModules;
      substSubModules = m: deferredModuleWith (attrs // { staticModules = m; });
      inherit functor;
      typeMerge = core.defaultTypeMerge functor;
    };
in
{
  /**
    A set of options of its own, given by modules. Every definition is a module, or configuration alone if
    `shorthandOnlyDefinesConfig` is true. `class` is the kind of modules that is accepted; the modules get
    `specialArgs`, and the argument `name`: the attribute under which they are defined.

    # Type
    `submoduleWith :: { modules :: [ Module ]; specialArgs ? { }; shorthandOnlyDefinesConfig ? false; description ? null; class ? null; } -> OptionType`
  */
  inherit submoduleWith;

  /**
    A set of options of its own, given by a module or several; what defines it is configuration.

    # Type
    `submodule :: Module | [ Module ] -> OptionType`

    # Example
    ```nix
    (mergeDefinitions [ "x" ] (types.submodule { options.a = mkOption { default = 1; }; options.b = mkOption { }; }) [ { file = "f"; value.b = 2; } ]).mergedValue
    => { a = 1; b = 2; }
    ```
  */
  submodule =
    modules:
    submoduleWith {
      shorthandOnlyDefinesConfig = true;
      modules = toList modules;
    };

  /**
    A module that is evaluated somewhere else; definitions become its imports.
  */
  deferredModule = deferredModuleWith { };

  /**
    A deferred module with modules that are always part of it.

    # Type
    `deferredModuleWith :: { staticModules :: [ Module ] ? [ ]; } -> OptionType`
  */
  inherit deferredModuleWith;

  /**
    A module that turns off the check for options that nobody declares; for evaluations that only make documentation.
  */
  noCheckForDocsModule = {
    _file = "<the module that turns checks off where only documentation is made>";
    config._module.check = lib.modules.mkForce false;
  };
}
