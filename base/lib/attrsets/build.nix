# Making sets, and mapping over one level of them.
{ lib }:
let
  inherit (builtins)
    attrNames
    attrValues
    concatMap
    filter
    foldl'
    listToAttrs
    mapAttrs
    removeAttrs
    ;
in
rec {
  /**
    A pair `{ name, value }`, as `listToAttrs` takes them.

    # Type
    `nameValuePair :: String -> a -> { name :: String; value :: a; }`

    # Example
    ```nix
    nameValuePair "a" 1
    => { name = "a"; value = 1; }
    ```
  */
  nameValuePair = name: value: { inherit name value; };

  /**
    The set if the condition holds, else the empty set.

    # Type
    `optionalAttrs :: Bool -> AttrSet -> AttrSet`

    # Example
    ```nix
    optionalAttrs true { a = 1; } // optionalAttrs false { b = 2; }
    => { a = 1; }
    ```
  */
  optionalAttrs = cond: set: if cond then set else { };

  /**
    The values of the named attributes, in the order of the names. All must exist.

    # Type
    `attrVals :: [ String ] -> { [String] :: a } -> [ a ]`

    # Example
    ```nix
    attrVals [ "b" "a" ] { a = 1; b = 2; }
    => [ 2 1 ]
    ```
  */
  attrVals = names: set: map (name: set.${name}) names;

  /**
    The set of the named attributes only. All must exist.

    # Type
    `getAttrs :: [ String ] -> { [String] :: a } -> { [String] :: a }`

    # Example
    ```nix
    getAttrs [ "a" ] { a = 1; b = 2; }
    => { a = 1; }
    ```
  */
  getAttrs = names: set: genAttrs names (name: set.${name});

  /**
    Keeps the attributes for which a function of name and value gives true.

    # Type
    `filterAttrs :: (String -> a -> Bool) -> { [String] :: a } -> { [String] :: a }`

    # Example
    ```nix
    filterAttrs (name: value: name == "a" || value > 2) { a = 1; b = 2; c = 3; }
    => { a = 1; c = 3; }
    ```
  */
  filterAttrs =
    pred: set: removeAttrs set (filter (name: !pred name set.${name}) (attrNames set));

  /**
    `mapAttrs` with a function that gives pairs, so that names may change too.

    # Type
    `mapAttrs' :: (String -> a -> { name :: String; value :: b; }) -> { [String] :: a } -> { [String] :: b }`

    # Example
    ```nix
    mapAttrs' (name: value: nameValuePair "x-${name}" (value + 1)) { a = 1; }
    => { x-a = 2; }
    ```
  */
  mapAttrs' = f: set: listToAttrs (mapAttrsToList f set);

  /**
    Calls a function for every attribute and lists the results, in the order of the names.

    # Type
    `mapAttrsToList :: (String -> a -> b) -> { [String] :: a } -> [ b ]`

    # Example
    ```nix
    mapAttrsToList (name: value: name + value) { x = "a"; y = "b"; }
    => [ "xa" "yb" ]
    ```
  */
  mapAttrsToList = f: set: attrValues (mapAttrs f set);

  /**
    The set as a list of pairs `{ name, value }`.

    # Type
    `attrsToList :: { [String] :: a } -> [ { name :: String; value :: a; } ]`

    # Example
    ```nix
    attrsToList { a = 1; }
    => [ { name = "a"; value = 1; } ]
    ```
  */
  attrsToList = mapAttrsToList nameValuePair;

  /**
    Turns every attribute into a set and joins them; for a name that comes twice the later one wins.

    # Type
    `concatMapAttrs :: (String -> a -> AttrSet) -> { [String] :: a } -> AttrSet`

    # Example
    ```nix
    concatMapAttrs (name: value: { ${name} = value; "${name}2" = value; }) { x = "a"; }
    => { x = "a"; x2 = "a"; }
    ```
  */
  concatMapAttrs = f: set: lib.attrsets.mergeAttrsList (mapAttrsToList f set);

  /**
    A set with the given names, each with what a function makes of it.

    # Type
    `genAttrs :: [ String ] -> (String -> a) -> { [String] :: a }`

    # Example
    ```nix
    genAttrs [ "a" "b" ] (name: "x-${name}")
    => { a = "x-a"; b = "x-b"; }
    ```
  */
  genAttrs =
    names: f:
    listToAttrs (
      map (name: {
        inherit name;
        value = f name;
      }) names
    );

  /**
    A set from any list, with a function that gives pairs. The first pair of a name wins.

    # Type
    `genAttrs' :: [ a ] -> (a -> { name :: String; value :: b; }) -> { [String] :: b }`

    # Example
    ```nix
    genAttrs' [ 1 2 ] (n: nameValuePair "n${toString n}" n)
    => { n1 = 1; n2 = 2; }
    ```
  */
  genAttrs' = list: f: listToAttrs (map f list);

  /**
    Folds over the attributes, in the order of their names, evaluating every intermediate result.

    # Type
    `foldlAttrs :: (b -> String -> a -> b) -> b -> { [String] :: a } -> b`

    # Example
    ```nix
    foldlAttrs (acc: name: value: "${acc}${name}${toString value}") "" { a = 1; b = 2; }
    => "a1b2"
    ```
  */
  foldlAttrs =
    f: init: set:
    foldl' (acc: name: f acc name set.${name}) init (attrNames set);

  /**
    Folds, from the right, the values that several sets have under the same name.

    # Type
    `foldAttrs :: (a -> b -> b) -> b -> [ { [String] :: a } ] -> { [String] :: b }`

    # Example
    ```nix
    foldAttrs (item: acc: [ item ] ++ acc) [ ] [ { a = 2; } { a = 3; b = 4; } ]
    => { a = [ 2 3 ]; b = [ 4 ]; }
    ```
  */
  foldAttrs =
    op: nul: sets:
    builtins.zipAttrsWith (_: lib.lists.foldr op nul) sets;

  /**
    Every way of taking one element from each list of a set.

    # Type
    `cartesianProduct :: { [String] :: [ a ] } -> [ { [String] :: a } ]`

    # Example
    ```nix
    cartesianProduct { a = [ 1 2 ]; b = [ 3 ]; }
    => [ { a = 1; b = 3; } { a = 2; b = 3; } ]
    ```
  */
  cartesianProduct =
    lists:
    foldl' (
      partial: name: concatMap (set: map (value: set // { ${name} = value; }) lists.${name}) partial
    ) [ { } ] (attrNames lists);

  /**
    Calls a function with every way of taking one element from each list of a set.

    # Type
    `mapCartesianProduct :: ({ [String] :: a } -> b) -> { [String] :: [ a ] } -> [ b ]`

    # Example
    ```nix
    mapCartesianProduct ({ a, b }: a + b) { a = [ 1 2 ]; b = [ 10 ]; }
    => [ 11 12 ]
    ```
  */
  mapCartesianProduct = f: lists: map f (cartesianProduct lists);
}
