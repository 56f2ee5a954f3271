# Old ways of joining attribute sets by functions of their attributes.
{ lib }:
let
  inherit (builtins)
    attrNames
    foldl'
    removeAttrs
    ;

  concat = a: b: a ++ b;
  update = a: b: a // b;
  text = a: b: "${a}\n${b}";
in
rec {
  /**
    Joins two sets; attributes of the second go through a function with those of the result before.
  */
  mergeAttrsWithFunc =
    f: set1: set2:
    foldl' (set: name: set // { ${name} = f set.${name} set2.${name}; }) (set2 // set1) (
      attrNames set2
    );

  /**
    Joins two sets of lists.
  */
  mergeAttrsConcatenateValues = mergeAttrsWithFunc (
    a: b: lib.lists.toList a ++ lib.lists.toList b
  );

  /**
    Joins two sets that have no attribute in common but those with a function in the first argument.
  */
  mergeAttrsNoOverride =
    {
      mergeLists ? [
        "buildInputs"
        "propagatedBuildInputs"
      ],
      overrideSnd ? [ "buildPhase" ],
    }:
    attrs1: attrs2:
    foldl' (
      set: name:
      set
      // {
        ${name} =
          if !set ? ${name} then
            attrs2.${name}
          else if builtins.elem name mergeLists then
            set.${name} ++ attrs2.${name}
          else if builtins.elem name overrideSnd then
            attrs2.${name}
          else
            throw "error mergeAttrsNoOverride, attribute ${name} given in both attributes - no merge func defined";
      }
    ) attrs1 (attrNames attrs2);

  /**
    Joins two sets by the functions that they have in their attribute `mergeAttrBy`.
  */
  mergeAttrByFunc =
    x: y:
    let
      functions = (x.mergeAttrBy or { }) // (y.mergeAttrBy or { });
      joined = builtins.mapAttrs (
        name: f: if x ? ${name} && y ? ${name} then f x.${name} y.${name} else x.${name} or y.${name}
      ) (lib.attrsets.filterAttrs (name: _: x ? ${name} || y ? ${name}) functions);
      extra = if y ? mergeAttrBy || x ? mergeAttrBy then { mergeAttrBy = functions; } else { };
    in
    x // y // joined // extra;

  /**
    Joins a list of sets by functions for the attributes that derivations have.
  */
  mergeAttrsByFuncDefaults = foldl' mergeAttrByFunc { inherit mergeAttrBy; };

  /**
    `mergeAttrsByFuncDefaults` without the functions in the result.
  */
  mergeAttrsByFuncDefaultsClean = list: removeAttrs (mergeAttrsByFuncDefaults list) [ "mergeAttrBy" ];

  /**
    The functions for the attributes that derivations have.
  */
  mergeAttrBy =
    lib.attrsets.genAttrs [
      "nativeBuildInputs"
      "buildInputs"
      "propagatedBuildInputs"
      "configureFlags"
      "prePhases"
      "postAll"
      "patches"
    ] (_: concat)
    // lib.attrsets.genAttrs [
      "passthru"
      "meta"
      "cfg"
      "flags"
    ] (_: update)
    // lib.attrsets.genAttrs [
      "preConfigure"
      "postInstall"
    ] (_: text);
}
