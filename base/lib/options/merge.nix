# Functions that join definitions; option types are made of them.
{ lib }:
let
  inherit (builtins)
    all
    elemAt
    foldl'
    head
    isAttrs
    isBool
    isFunction
    isInt
    isList
    isString
    length
    tail
    ;
  inherit (lib.options) showDefs showOption;

  hint = "\nUse `lib.mkForce value` or `lib.mkDefault value` to change the priority on any of these definitions.";
in
rec {
  /**
    The values of definitions.

    # Type
    `getValues :: [ Definition ] -> [ a ]`

    # Example
    ```nix
    getValues [ { file = "a"; value = 1; } ]
    => [ 1 ]
    ```
  */
  getValues = map (def: def.value);

  /**
    The files of definitions.

    # Type
    `getFiles :: [ Definition ] -> [ String ]`

    # Example
    ```nix
    getFiles [ { file = "a"; value = 1; } ]
    => [ "a" ]
    ```
  */
  getFiles = map (def: def.file);

  /**
    Joins definitions by what they are: lists and strings one after the other, sets with `//`, booleans with
    `||`, numbers if they are equal, functions if there is one only.

    # Type
    `mergeDefaultOption :: [ String ] -> [ Definition ] -> a`

    # Example
    ```nix
    mergeDefaultOption [ "x" ] [ { file = "a"; value = [ 1 ]; } { file = "b"; value = [ 2 ]; } ]
    => [ 1 2 ]
    ```
  */
  mergeDefaultOption =
    loc: defs:
    let
      values = getValues defs;
      first = head values;
    in
    if length values == 1 then
      first
    else if all isFunction values then
      x: mergeDefaultOption loc (map (def: def // { value = def.value x; }) defs)
    else if all isList values then
      builtins.concatLists values
    else if all isAttrs values then
      foldl' (a: b: a // b) { } values
    else if all isBool values then
      foldl' (a: b: a || b) false values
    else if all isString values then
      builtins.concatStringsSep "" values
    else if all isInt values && all (x: x == first) values then
      first
    else
      throw "Cannot merge definitions of `${showOption loc}'. Definition values:${showDefs defs}";

  /**
    The value of the only definition; more are an error.

    # Type
    `mergeOneOption :: [ String ] -> [ Definition ] -> a`
  */
  mergeOneOption = mergeUniqueOption { message = ""; };

  /**
    The value of the only definition, joined by another function (which may check what is inside); more are an
    error with a message.

    # Type
    `mergeUniqueOption :: { message :: String; merge? :: [ String ] -> [ Definition ] -> a; } -> [ String ] -> [ Definition ] -> a`
  */
  mergeUniqueOption =
    {
      message,
      merge ? null,
    }:
    let
      # The old form gave no function and meant the value as it is.
      join =
        if merge == null then
          (_: defs: (elemAt defs 0).value)
        else
          merge;
    in
    loc: defs:
    if length defs == 1 then
      join loc defs
    else
      throw "The option `${showOption loc}' is defined multiple times while it's expected to be unique.\n${message}\nDefinition values:${showDefs defs}${hint}";

  /**
    The value that all definitions agree on.

    # Type
    `mergeEqualOption :: [ String ] -> [ Definition ] -> a`

    # Example
    ```nix
    mergeEqualOption [ "x" ] [ { file = "a"; value = 1; } { file = "b"; value = 1; } ]
    => 1
    ```
  */
  mergeEqualOption =
    loc: defs:
    if length defs == 1 then
      (elemAt defs 0).value
    else if defs == [ ] then
      abort "This case should never happen."
    else
      (foldl' (
        first: def:
        if def.value == first.value then
          first
        else
          throw "The option `${showOption loc}' has conflicting definition values:${
            showDefs [
              first
              def
            ]
          }${hint}"
      ) (head defs) (tail defs)).value;
}
