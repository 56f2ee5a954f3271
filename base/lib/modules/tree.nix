# The tree of options and the tree of values: declarations and definitions of all modules, joined level by level.
#
# Work follows what is there: a level that only one module declares needs no grouping; options without
# definitions cost their default alone; definitions without an option are looked for only where there are
# definitions. Nothing at a level evaluates values, so options may depend on values and the other way round.
#
# A declaration is `{ file, options }` with the set of a level, a definition `{ file, value }`, perhaps with a
# `condition` that goes for all of the set's attributes. A node of the tree
# has `options` and `value`; where it isn't an option itself, also `unmatched`: definitions without an option.
{ lib, parts }:
let
  inherit (builtins)
    all
    attrNames
    concatMap
    elemAt
    head
    isAttrs
    length
    mapAttrs
    typeOf
    zipAttrsWith
    ;
  inherit (parts.option)
    joinAll
    leaf
    located
    ;
  inherit (parts.properties) pushDownAll;
  inherit (lib.options) showOption;

  same = _: values: values;

  ## Errors

  notASet =
    loc: def:
    throw ''
      In module `${def.file}', you're trying to define a value of type `${typeOf def.value}'
      rather than an attribute set for the option
      `${showOption loc}'!

      This usually happens if `${showOption loc}' has option
      definitions inside that are not matched. Please check how to properly define
      this option by e.g. referring to `man 5 configuration.nix'!
    '';

  notAnOption =
    loc: file: value:
    if value ? _type then
      let
        name = elemAt loc (length loc - 1);
      in
      throw ''
        In module ${file}: expected an option declaration at option path `${showOption loc}` but got an attribute set with type ${value._type}${
          if value._type == "option-type" then
            ''


              When declaring an option, you must wrap the type in a `mkOption` call. It should look somewhat like:

                  # ${showOption loc}
                  ${lib.strings.escapeNixIdentifier name} = lib.mkOption {
                    description = ...;
                    type = <the type you wrote for ${lib.strings.escapeNixIdentifier name}>;
                    ...
                  };
            ''
          else
            ""
        }''
    else
      throw ''
        An option declaration for `${showOption loc}' has type
        `${typeOf value}' rather than an attribute set.
        Did you mean to define this outside of `options'?
      '';

  isOption = value: value._type or null == "option";

  ## Nodes

  # What several modules declare under a name.
  several =
    loc: decls: defs:
    let
      inherit (builtins.partition (decl: isOption decl.options) decls) right wrong;
    in
    if right == [ ] then
      level loc (map (
        decl:
        if isAttrs decl.options && !decl.options ? _type then
          {
            inherit (decl) file;
            options = decl.options;
          }
        else
          notAnOption loc decl.file decl.options
      ) decls) defs
    else if wrong == [ ] then
      leaf loc decls (joinAll loc decls) defs
    # Options below an option whose value is a submodule belong to it.
    else if all (decl: decl.options.type.name or null == "submodule") right then
      let
        asOptions = map (
          decl:
          if isOption decl.options then
            decl
          else
            decl
            // {
              options = lib.options.mkOption {
                type = lib.types.submoduleWith {
                  modules = [ { options = decl.options; } ];
                  # whatever the other declarations say
                  shorthandOnlyDefinesConfig = null;
                };
              };
            }
        ) decls;
      in
      leaf loc asOptions (joinAll loc asOptions) defs
    else
      parentError loc right wrong;

  parentError =
    loc: options: others:
    let
      parent = head options;
      below =
        decl:
        map (
          path: " - option(s) with prefix `${showOption (loc ++ [ path ])}' in module `${decl.file}'"
        ) (attrNames decl.options);
    in
    throw "The option `${showOption loc}' in module `${parent.file}' would be a parent of the following options, but its type `${
      parent.options.type.description or "<no description>"
    }' does not support nested options.\n${
      builtins.concatStringsSep "\n" (concatMap below others)
    }";

  ## Levels

  # The nodes of a level; definitions are given by name.
  nodesOf =
    prefix: decls: byName:
    if length decls == 1 then
      # nothing to group
      nodesOfSingle prefix (head decls) byName
    else
      mapAttrs (
        name: named:
        if length named == 1 then
          sole (prefix ++ [ name ]) name (head named) (byName.${name} or [ ])
        else
          several (prefix ++ [ name ]) (map (decl: decl // { inherit name; }) named) (byName.${name} or [ ])
      ) (zipAttrsWith same (map declarationsByName decls));

  nodesOfSingle =
    prefix:
    { file, options, ... }:
    byName:
    mapAttrs (
      name: option:
      if option._type or null == "option" then
        leaf (prefix ++ [ name ]) [
          {
            inherit file name;
            set = options;
          }
        ] (if option.type.getSubModules or null == null then option else located file option) (byName.${name} or [ ])
      else if isAttrs option && !option ? _type then
        level (prefix ++ [ name ]) [
          {
            inherit file;
            options = option;
          }
        ] (byName.${name} or [ ])
      else
        notAnOption (prefix ++ [ name ]) file option
    ) options;

  # The same for a name that one of several modules declares.
  sole =
    loc: name:
    { file, options, ... }@decl:
    defs:
    if options._type or null == "option" then
      leaf loc [
        {
          inherit file name;
          inherit (decl) set;
        }
      ] (if options.type.getSubModules or null == null then options else located file options) defs
    else if isAttrs options && !options ? _type then
      level loc [ decl ] defs
    else
      notAnOption loc file options;

  declarationsByName =
    {
      file,
      options,
      ...
    }:
    let
      set = options;
    in
    mapAttrs (_: options: { inherit file set options; }) options;

  # The definitions of a level by name.
  definitionsByName =
    prefix: defs:
    if defs == [ ] then
      { }
    else if length defs == 1 then
      soleDefinitions prefix (head defs)
    else
      zipAttrsWith same (map (wrapDefinitions prefix) defs);

  soleDefinitions =
    prefix:
    { file, value, ... }@def:
    if !isAttrs value then
      notASet prefix def
    else if def ? condition then
      (
        { condition, ... }:
        mapAttrs (_: content: [
          {
            inherit file;
            value = {
              _type = "if";
              inherit condition content;
            };
          }
        ]) value
      )
        def
    else
      mapAttrs (_: value: [ { inherit file value; } ]) value;

  wrapDefinitions =
    prefix:
    { file, value, ... }@def:
    if !isAttrs value then
      notASet prefix def
    else if def ? condition then
      (
        { condition, ... }:
        mapAttrs (_: content: {
          inherit file;
          value = {
            _type = "if";
            inherit condition content;
          };
        }) value
      )
        def
    else
      mapAttrs (_: value: { inherit file value; }) value;

  level =
    prefix: decls: defs:
    let
      byName = definitionsByName prefix (pushDownAll defs);
      nodes = nodesOf prefix decls byName;
    in
    {
      options = mapAttrs (_: node: node.options) nodes;
      value = mapAttrs (_: node: node.value) nodes;
      unmatched = if defs == [ ] then [ ] else unmatchedOf prefix nodes byName;
    };

  # Definitions at a level or below it that have no option: `{ prefix, file, value }`.
  unmatchedOf =
    prefix: nodes: byName:
    concatMap (
      name:
      if nodes ? ${name} then
        nodes.${name}.unmatched or [ ]
      else
        map (def: {
          inherit (def) file value;
          prefix = prefix ++ [ name ];
        }) byName.${name}
    ) (attrNames byName);
in
{
  inherit
    nodesOf
    definitionsByName
    level
    unmatchedOf
    isOption
    notAnOption
    ;
}
