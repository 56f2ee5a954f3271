# Evaluating modules: the knot in which modules get the configuration that they make.
{ lib, parts }:
let
  inherit (builtins)
    addErrorContext
    attrNames
    concatMap
    filter
    head
    length
    mapAttrs
    removeAttrs
    seq
    ;
  inherit (parts) load tree;
  inherit (parts.properties) pushDownAll;
  inherit (lib.lists) reverseList sublist;
  inherit (lib.attrsets) recursiveUpdate setAttrByPath;

  recursionHint = "if you get an infinite recursion here, you probably reference `config` in `imports`. If you are trying to achieve a conditional import behavior dependent on `config`, consider importing unconditionally, and using `mkEnableOption` and `mkIf` to control its effect.";

  # Evaluates prepared modules and records of definitions.
  #   prepared      prepared modules (lib/modules/load.nix)
  #   definitions   records of modules that are definitions only
  #   moduleArgs    arguments that only this evaluation has, as `_module.args`
  #   rest          { specialArgs, prefix, class }
  #   again         a function that evaluates with more modules: { modules, specialArgs, prefix } -> result
  #   type          the type of submodules that are made of the same modules
  #   check         whether definitions of options that nobody declares are an error, if `_module.check` is
  evaluate =
    {
      prepared,
      definitions ? [ ],
      moduleArgs ? { },
      specialArgs,
      prefix,
      class,
      again,
      type,
      check ? true,
    }:
    let
      ## Modules

      ownArgs = {
        inherit lib options specialArgs;
        config = addErrorContext recursionHint argConfig;
        _class = class;
        _prefix = prefix;
      };
      args = if specialArgs == { } then ownArgs else ownArgs // specialArgs;

      collected = load.collect {
        inherit args class prefix;
        argNames = attrNames args;
        moduleArgs = addErrorContext recursionHint internalValues.args;
        modulesPath = specialArgs.modulesPath or "";
      } prepared;

      # What comes later counts first where definitions are joined: importers come after their imports.
      modules = reverseList (collected.modules ++ definitions);

      ## The trees

      rootDefs = tree.definitionsByName prefix (pushDownAll (filter (m: m.value != { }) modules));
      rootNodes = tree.nodesOf prefix (filter (m: m.options != { }) modules) rootDefs;

      freeformDefs = concatMap (
        m:
        map (freeformType: {
          inherit (m) file;
          value = { inherit freeformType; };
        }) m.freeform
      ) modules;

      internalDefs = rootDefs._module or [ ] ++ freeformDefs;
      declaresInternal = rootNodes ? _module;

      nodes = if declaresInternal then removeAttrs rootNodes [ "_module" ] else rootNodes;
      byName = if rootDefs ? _module then removeAttrs rootDefs [ "_module" ] else rootDefs;

      options = mapAttrs (_: node: node.options) nodes // {
        _module = internalLevel.options;
      };

      ## `_module`

      ownModuleArgs = {
        extendModules = again;
        moduleType = type;
      }
      // moduleArgs;

      internal = parts.internal prefix;

      # Mostly nobody defines anything there.
      internalValues =
        if internalDefs == [ ] && !declaresInternal then
          {
            args = ownModuleArgs;
            check = true;
            freeformType = null;
            inherit specialArgs;
          }
        else
          internalLevel.value;

      internalLevel =
        tree.level (prefix ++ [ "_module" ])
          (
            (
              if declaresInternal then
                concatMap (
                  m:
                  if m.options ? _module then
                    [
                      {
                        inherit (m) file;
                        options = m.options._module;
                      }
                    ]
                  else
                    [ ]
                ) modules
              else
                [ ]
            )
            ++ [ internal ]
          )
          (
            internalDefs
            ++ [
              {
                inherit (internal) file;
                value = {
                  args = ownModuleArgs;
                  inherit specialArgs;
                };
              }
            ]
          );

      ## Values

      declared = mapAttrs (_: node: node.value) nodes;

      unmatched = tree.unmatchedOf prefix nodes byName;

      inherit (internalValues) freeformType;

      # Definitions without an option, if there is a type for them.
      freeform =
        if unmatched == [ ] then
          { }
        else
          # Not checked, as the definitions are only a part of what the type is for.
          freeformType.merge prefix (
            map (def: {
              inherit (def) file;
              value = setAttrByPath (sublist (length prefix) (length def.prefix) def.prefix) def.value;
            }) unmatched
          );

      config = if freeformType == null then declared else recursiveUpdate freeform declared;

      # What modules see also has `_module`.
      argConfig = config // {
        _module = internalValues;
      };

      ## Checks

      stray = unmatched ++ (if internalDefs == [ ] then [ ] else internalLevel.unmatched);

      checked =
        if check && internalValues.check && freeformType == null && stray != [ ] then
          parts.stray.error {
            inherit prefix options;
            def = head stray;
          }
        else
          null;

      result = {
        _type = "configuration";
        inherit class type;
        options = seq checked options;
        config = seq checked config;
        _module = seq checked internalValues;
        inherit (collected) graph;
        extendModules = again;
      };
    in
    result;

  /**
    Evaluates modules.

    - `modules`: paths, sets, functions
    - `specialArgs`: arguments for modules that may be used in `imports`
    - `prefix`: where the options are, if they are part of a greater whole
    - `class`: what kind of modules is expected (`"nixos"` for instance); null accepts all

    The result has `config` (the values), `options`, `extendModules` (evaluates anew with more modules), `type`
    (submodules of the same modules), `graph` (which module imports which), `class`.

    # Type
    `evalModules :: { modules :: [ Module ]; specialArgs ? { }; prefix ? [ ]; class ? null; } -> Configuration`

    # Example
    ```nix
    (evalModules { modules = [ { options.a = mkOption { default = 1; }; } { a = 2; } ]; }).config
    => { a = 2; }
    ```
  */
  evalModules =
    evalArgs@{
      modules,
      prefix ? [ ],
      specialArgs ? { },
      class ? null,
      # deprecated
      args ? { },
      check ? true,
    }:
    let
      legacy =
        (
          if evalArgs ? args then
            lib.trivial.warn
              "The args argument to evalModules is deprecated. Please set config._module.args instead."
              [ { config._module.args = args; } ]
          else
            [ ]
        )
        ++ (
          if evalArgs ? check then
            lib.trivial.warn
              "The check argument to evalModules is deprecated. Please set config._module.check instead."
              [ { config._module.check = lib.modules.mkDefault check; } ]
          else
            [ ]
        );
      all = if legacy == [ ] then modules else modules ++ legacy;

    in
    start {
      modules = all;
      inherit specialArgs prefix class;
    };

  # Evaluates modules that are not prepared yet.
  start =
    base@{
      modules,
      specialArgs,
      prefix,
      class,
      moduleArgs ? { },
    }:
    evaluate {
      prepared = load.prepareAll load.unknownFile "" modules;
      inherit
        moduleArgs
        specialArgs
        prefix
        class
        ;
      again = evaluateAgain base;
      type = lib.types.submoduleWith { inherit modules specialArgs class; };
    };

  # The function `extendModules` of an evaluation.
  evaluateAgain =
    base:
    {
      modules ? [ ],
      specialArgs ? { },
      prefix ? base.prefix,
    }:
    start (
      base
      // {
        modules = base.modules ++ modules;
        specialArgs = base.specialArgs // specialArgs;
        inherit prefix;
      }
    );
in
{
  inherit evaluate evalModules evaluateAgain;
}
