# Functions.
{ lib, core }:
let
  inherit (core) optionDescriptionPhrase;

  functionTo =
    elemType:
    let
      functor = core.functorOf "functionTo" (payload: functionTo payload.elemType) {
        inherit elemType;
      } (
        a: b:
        let
          merged = a.elemType.typeMerge b.elemType.functor;
        in
        if merged == null then null else { elemType = merged; }
      );
    in
    core.base
    // {
      name = "functionTo";
      description = "function that evaluates to a(n) ${
        optionDescriptionPhrase (class: class == "noun" || class == "composite") elemType
      }";
      descriptionClass = "composite";
      check = lib.trivial.isFunction;
      merge = loc: defs: {
        # An argument may be left out where all definitions allow it.
        __functionArgs = builtins.zipAttrsWith (_: builtins.all (hasDefault: hasDefault)) (
          map (def: lib.trivial.functionArgs def.value) defs
        );
        __functor =
          _: arg:
          (lib.modules.mergeDefinitions (loc ++ [ "<function body>" ]) elemType (
            map (def: {
              inherit (def) file;
              value = def.value arg;
            }) defs
          )).mergedValue;
      };
      getSubOptions = prefix: elemType.getSubOptions (prefix ++ [ "<function body>" ]);
      inherit (elemType) getSubModules;
      substSubModules = m: functionTo (elemType.substSubModules m);
      inherit functor;
      typeMerge = core.defaultTypeMerge functor;
      nestedTypes = { inherit elemType; };
    };
in
{
  /**
    A function to a type; the results of several definitions are joined.

    # Type
    `functionTo :: OptionType -> OptionType`

    # Example
    ```nix
    (mergeDefinitions [ "x" ] (types.functionTo types.int) [ { file = "a"; value = x: x + 1; } ]).mergedValue 1
    => 2
    ```
  */
  inherit functionTo;
}
