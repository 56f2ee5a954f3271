# Option types: what a value may be, how definitions are joined, what it is called, what is inside.
#
# A type is a set with `_type = "option-type"`:
#
# - `name`, `description`, `descriptionClass`: see `mkOptionType`
# - `check`: whether a value may be a definition; looks at the outside only
# - `merge`: a function of the option's path and its definitions (at least one) that gives the value. Types that
#   contain others have a set with `__functor` here whose `v2` takes `{ loc, defs }` and gives `{ headError, value,
#   valueMeta }`: what is wrong with the outside (null or `{ message }`), the value, what else is known of it
# - `emptyValue`: a set with the `value` of an option without definitions; empty if that is an error
# - `getSubOptions`: options inside, of a path; `getSubModules`, `substSubModules`: modules inside, and the type with
#   others in their place
# - `typeMerge`, `functor`: how two declarations of an option are joined
# - `nestedTypes`, `deprecationMessage`
#
# A `merge` with the attribute `identity` gives a single definition back as it is; with `scalar`, `check` looks at no
# more than what kind of value it is. Both save lists and sets of many elements most of their work.
{ lib }:
let
  core = import ./core.nix { inherit lib; };
  load = file: import file { inherit lib core; };

  types =
    builtins.removeAttrs core [
      "base"
      "functorOf"
      "scalar"
      "identity"
      "invalidDefs"
      "v2Merge"
      "v2Check"
    ]
    // load ./simple.nix
    // load ./numbers.nix
    // load ./strings.nix
    // load ./paths.nix
    // load ./containers.nix
    // load ./attr-list.nix
    // load ./unions.nix
    // load ./functions.nix
    // load ./modules.nix
    // load ./options.nix
    // load ./data.nix
    // {
      /**
        All types again, for code that has `with lib.types`.

        # Type
        `types :: { [String] :: Any }`

        # Example
        ```nix
        types.types.int.name
        => "int"
        ```
      */
      inherit types;
    };
in
types
