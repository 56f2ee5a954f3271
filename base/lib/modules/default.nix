# The module system: evaluating modules, and what modules and their users write.
{ lib }:
let
  parts = {
    properties = import ./properties.nix { inherit lib; };
    option = import ./option.nix { inherit lib parts; };
    tree = import ./tree.nix { inherit lib parts; };
    load = import ./load.nix { inherit lib parts; };
    internal = import ./internal-options.nix { inherit lib; };
    stray = import ./stray.nix { inherit lib; };
    evaluation = import ./evaluate.nix { inherit lib parts; };
    renames = import ./renames.nix { inherit lib parts; };
    data = import ./data.nix { inherit lib; };
    compat = import ./compat.nix { inherit lib parts; };
  };
in
{
  inherit (parts.properties)
    defaultOrderPriority
    defaultOverridePriority
    dischargeProperties
    filterOverrides
    filterOverrides'
    mapDefinitionValue
    mkAfter
    mkAssert
    mkBefore
    mkDefault
    mkDefinition
    mkFixStrictness
    mkForce
    mkIf
    mkImageMediaOverride
    mkMerge
    mkOptionDefault
    mkOrder
    mkOverride
    mkVMOverride
    pushDownProperties
    sortProperties
    ;

  inherit (parts.option)
    evalOptionValue
    fixupOptionType
    mergeDefinitions
    mergeOptionDecls
    ;

  inherit (parts.evaluation) evalModules;

  inherit (parts.data)
    importApply
    importJSON
    importTOML
    setDefaultModuleLocation
    ;

  inherit (parts.renames)
    doRename
    mkAliasAndWrapDefinitions
    mkAliasAndWrapDefsWithPriority
    mkAliasDefinitions
    mkAliasIfDef
    mkAliasOptionModule
    mkAliasOptionModuleMD
    mkChangedOptionModule
    mkDerivedConfig
    mkMergedOptionModule
    mkRemovedOptionModule
    mkRenamedOptionModule
    mkRenamedOptionModuleWith
    ;

  inherit (parts.compat)
    applyModuleArgsIfFunction
    collectModules
    fixMergeModules
    mergeAttrDefinitionsWithPrio
    mergeModules
    mergeModules'
    unifyModuleSyntax
    ;

  # What option types need of the inside of the module system; not for others.
  _internal = {
    inherit (parts.option)
      checkedMerge
      mergeSettled
      undefined
      locate
      ;
    inherit (parts.properties) arePlain settle;
    inherit (parts.load) prepareAll configRecord unknownFile;
    inherit (parts.evaluation) evaluate evaluateAgain;
  };
}
