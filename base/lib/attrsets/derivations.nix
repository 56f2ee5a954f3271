# Derivations as sets: telling them, choosing their outputs, marking sets of them.
{ lib }:
let
  # The first of the named outputs that `pkg` has, unless an output was chosen before.
  firstOutput =
    names: pkg:
    if pkg.outputSpecified or false then
      pkg
    else
      let
        found = builtins.filter (name: pkg ? ${name}) names;
      in
      if found == [ ] then pkg else pkg.${builtins.head found};
in
rec {
  /**
    Whether a value is a derivation: a set with `type = "derivation"`.

    # Type
    `isDerivation :: Any -> Bool`

    # Example
    ```nix
    map isDerivation [ { type = "derivation"; } { } "x" ]
    => [ true false false ]
    ```
  */
  isDerivation = value: value.type or null == "derivation";

  /**
    A set that passes for a derivation, from a store path.

    # Type
    `toDerivation :: StorePath -> Derivation`
  */
  toDerivation =
    path:
    let
      path' = builtins.storePath path;
      self = {
        type = "derivation";
        name = lib.strings.sanitizeDerivationName (builtins.substring 33 (-1) (baseNameOf path'));
        outPath = path';
        outputs = [ "out" ];
        out = self;
        outputName = "out";
      };
    in
    self;

  /**
    The named output of a package, else its `out`, else the package itself. A package whose output was
    chosen before comes back as it is.

    # Type
    `getOutput :: String -> Derivation -> Derivation`

    # Example
    ```nix
    (getOutput "dev" { dev.outPath = "/dev"; outPath = "/out"; }).outPath
    => "/dev"
    ```
  */
  getOutput =
    output: pkg:
    if !(pkg.outputSpecified or false) then
      pkg.${output} or pkg.out or pkg
    else
      pkg;

  /**
    The first output of a list that the package has, else the package itself.

    # Type
    `getFirstOutput :: [ String ] -> Derivation -> Derivation`

    # Example
    ```nix
    (getFirstOutput [ "include" "dev" ] { dev.outPath = "/dev"; outPath = "/out"; }).outPath
    => "/dev"
    ```
  */
  getFirstOutput = firstOutput;

  /**
    The output `bin`, else `out`.

    # Type
    `getBin :: Derivation -> Derivation`
  */
  getBin = getOutput "bin";

  /**
    The output `lib`, else `out`.

    # Type
    `getLib :: Derivation -> Derivation`
  */
  getLib = getOutput "lib";

  /**
    The output `static`, else `lib`, else `out`.

    # Type
    `getStatic :: Derivation -> Derivation`
  */
  getStatic = firstOutput [
    "static"
    "lib"
    "out"
  ];

  /**
    The output `dev`, else `out`.

    # Type
    `getDev :: Derivation -> Derivation`
  */
  getDev = getOutput "dev";

  /**
    The output `include`, else `dev`, else `out`.

    # Type
    `getInclude :: Derivation -> Derivation`
  */
  getInclude = firstOutput [
    "include"
    "dev"
    "out"
  ];

  /**
    The output `man`, else `out`.

    # Type
    `getMan :: Derivation -> Derivation`
  */
  getMan = getOutput "man";

  /**
    The outputs that a build needs of the packages in its inputs.

    # Type
    `chooseDevOutputs :: [ Derivation ] -> [ Derivation ]`
  */
  chooseDevOutputs = map getDev;

  /**
    Marks a set so that tools look into it for packages.

    # Type
    `recurseIntoAttrs :: AttrSet -> AttrSet`

    # Example
    ```nix
    recurseIntoAttrs { a = 1; }
    => { a = 1; recurseForDerivations = true; }
    ```
  */
  recurseIntoAttrs = set: set // { recurseForDerivations = true; };

  /**
    Marks a set so that tools don't look into it for packages.

    # Type
    `dontRecurseIntoAttrs :: AttrSet -> AttrSet`

    # Example
    ```nix
    dontRecurseIntoAttrs { a = 1; }
    => { a = 1; recurseForDerivations = false; }
    ```
  */
  dontRecurseIntoAttrs = set: set // { recurseForDerivations = false; };
}
