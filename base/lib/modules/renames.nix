# Options that moved, changed or went; and definitions that one option takes from another.
{ lib, parts }:
let
  inherit (builtins) any filter trace;
  inherit (parts.properties)
    defaultOverridePriority
    mkIf
    mkMerge
    mkOverride
    ;
  inherit (lib.attrsets)
    attrByPath
    getAttrFromPath
    setAttrByPath
    ;
  inherit (lib.options)
    isOption
    mkOption
    showFiles
    showOption
    ;

  # The value of an old option that nobody defined.
  undefinedMark = "_mkMergedOptionModule";
in
rec {
  /**
    A definition that counts only if an option is defined.

    # Type
    `mkAliasIfDef :: Option -> a -> Property`
  */
  mkAliasIfDef = option: mkIf (isOption option && option.isDefined);

  /**
    An option's definitions, inside what a function makes of them, if there are any.

    # Type
    `mkAliasAndWrapDefinitions :: (a -> b) -> Option -> Property`
  */
  mkAliasAndWrapDefinitions =
    wrap: option: mkAliasIfDef option (wrap (mkMerge option.definitions));

  /**
    `mkAliasAndWrapDefinitions` whose result has the priority of the option's definitions.

    # Type
    `mkAliasAndWrapDefsWithPriority :: (a -> b) -> Option -> Property`
  */
  mkAliasAndWrapDefsWithPriority =
    wrap: option:
    mkAliasIfDef option (
      wrap (
        mkMerge (map (mkOverride (option.highestPrio or defaultOverridePriority)) option.definitions)
      )
    );

  /**
    An option's definitions, to be used for another one.

    # Type
    `mkAliasDefinitions :: Option -> Property`
  */
  mkAliasDefinitions = mkAliasAndWrapDefinitions (definitions: definitions);

  /**
    A definition made of another option's value, with the priority of that option's definitions.

    # Type
    `mkDerivedConfig :: Option -> (a -> b) -> Property`
  */
  mkDerivedConfig =
    option: f: mkOverride (option.highestPrio or defaultOverridePriority) (f option.value);

  /**
    A module that forwards an old option to another one.

    - `from`, `to`: paths of the options
    - `visible`: whether the old one is in the documentation
    - `warn`: whether its definitions add to `warnings`, if there is such an option
    - `use`: a function through which values go that are read from the old one
    - `withPriority` (true): whether definitions keep their priority
    - `condition` (true): whether definitions are forwarded

    # Type
    `doRename :: { from, to, visible, warn, use, withPriority ? true, condition ? true } -> Module`
  */
  doRename =
    {
      from,
      to,
      visible,
      warn,
      use,
      withPriority ? true,
      condition ? true,
    }@args:
    { config, options, ... }:
    let
      old = getAttrFromPath from options;
      new = attrByPath to (
        abort "Renaming error: option `${showOption to}' does not exist."
      ) config;
      wrap = setAttrByPath to;
    in
    {
      options = setAttrByPath from (mkOption {
        inherit visible;
        description = "Alias of {option}`${showOption to}`.";
        type = (attrByPath to { } options).type or (lib.types.submodule { });
        # Whatever is defined is forwarded; what is read comes from the new option.
        apply = _: use new;
      });

      config = (if args ? condition then mkIf condition else lib.trivial.id) (mkMerge [
        (
          if options ? warnings then
            {
              warnings =
                if warn && old.isDefined then
                  [
                    "The option `${showOption from}' defined in ${showFiles old.files} has been renamed to `${showOption to}'."
                  ]
                else
                  [ ];
            }
          else
            { }
        )
        (
          if withPriority then
            mkAliasAndWrapDefsWithPriority wrap old
          else
            mkAliasAndWrapDefinitions wrap old
        )
      ]);
    };

  /**
    A module for an option that was removed: a definition of it is a failed assertion, reading it an error.

    # Type
    `mkRemovedOptionModule :: [ String ] -> String -> Module`
  */
  mkRemovedOptionModule =
    path: instructions:
    { options, ... }:
    {
      options = setAttrByPath path (mkOption {
        visible = false;
        apply =
          _:
          throw "The option `${showOption path}' can no longer be used since it's been removed. ${instructions}";
      });
      config.assertions =
        let
          option = getAttrFromPath path options;
        in
        [
          {
            assertion = !option.isDefined;
            message = ''
              The option definition `${showOption path}' in ${showFiles option.files} no longer has any effect; please remove it.
              ${instructions}
            '';
          }
        ];
    };

  /**
    A module that forwards a renamed option, with a warning.

    # Type
    `mkRenamedOptionModule :: [ String ] -> [ String ] -> Module`
  */
  mkRenamedOptionModule =
    from: to:
    doRename {
      inherit from to;
      visible = false;
      warn = true;
      use = obsolete from to;
    };

  /**
    `mkRenamedOptionModule` that is silent while a supported release doesn't know the new name: `sinceRelease` is
    the release (as `2605`) that brought it.

    # Type
    `mkRenamedOptionModuleWith :: { from :: [ String ]; to :: [ String ]; sinceRelease :: Int; } -> Module`
  */
  mkRenamedOptionModuleWith =
    {
      from,
      to,
      sinceRelease,
    }:
    let
      warn = lib.trivial.oldestSupportedReleaseIsAtLeast sinceRelease;
    in
    doRename {
      inherit from to warn;
      visible = false;
      use = if warn then obsolete from to else (value: value);
    };

  obsolete =
    from: to:
    trace "Obsolete option `${showOption from}' is used. It was renamed to `${showOption to}'.";

  /**
    A module that gives an option a second name.

    # Type
    `mkAliasOptionModule :: [ String ] -> [ String ] -> Module`
  */
  mkAliasOptionModule =
    from: to:
    doRename {
      inherit from to;
      visible = true;
      warn = false;
      use = value: value;
    };

  /**
    Old name of `mkAliasOptionModule`.
  */
  mkAliasOptionModuleMD = mkAliasOptionModule;

  /**
    A module for old options that became one of another type: `mergeFn` makes the new value of the
    configuration, in which it finds the old ones.

    # Type
    `mkMergedOptionModule :: [ [ String ] ] -> [ String ] -> (Config -> a) -> Module`
  */
  mkMergedOptionModule =
    from: to: mergeFn:
    { config, options, ... }:
    let
      isDefined = path: getAttrFromPath path config != undefinedMark;
    in
    {
      options = builtins.foldl' lib.attrsets.recursiveUpdate { } (
        map (
          path:
          setAttrByPath path (mkOption {
            visible = false;
            # not null, which might be a definition
            default = undefinedMark;
          })
        ) from
      );

      config = {
        warnings = map (
          path:
          "The option `${showOption path}' defined in ${
            showFiles (getAttrFromPath path options).files
          } has been changed to `${showOption to}' that has a different type. Please read `${showOption to}' documentation and update your configuration accordingly."
        ) (filter isDefined from);
      }
      // setAttrByPath to (mkMerge (if any isDefined from then [ (mergeFn config) ] else [ ]));
    };

  /**
    `mkMergedOptionModule` for a single old option.

    # Type
    `mkChangedOptionModule :: [ String ] -> [ String ] -> (Config -> a) -> Module`
  */
  mkChangedOptionModule =
    from: to: changeFn:
    mkMergedOptionModule [ from ] to changeFn;
}
