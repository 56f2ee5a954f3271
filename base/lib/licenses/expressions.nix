# Expressions of licences: choices, combinations, exceptions; and questions about them.
{ ... }:
let
  inherit (builtins)
    all
    any
    concatStringsSep
    isList
    ;
in
rec {
  /**
    A choice of licences.

    # Type
    `OR :: [ License ] -> License`
  */
  OR = licenses: {
    licenseType = "compound";
    operator = "OR";
    inherit licenses;
  };

  /**
    Licences that all have to be followed.

    # Type
    `AND :: [ License ] -> License`
  */
  AND = licenses: {
    licenseType = "compound";
    operator = "AND";
    inherit licenses;
  };

  /**
    A licence with an exception to it.

    # Type
    `WITH :: License -> License -> License`
  */
  WITH = license: exception: {
    licenseType = "exception";
    operator = "WITH";
    inherit license exception;
  };

  /**
    A licence or any later version of it.

    # Type
    `PLUS :: License -> License`
  */
  PLUS = license: {
    licenseType = "plus";
    operator = "+";
    inherit license;
  };

  /**
    Whether an expression has a property that a function tells of single licences. Permissive: one of a choice
    has to have it, or all of a combination. Otherwise: all of a choice, or one of a combination.

    # Type
    `evaluateProperty :: (License -> Bool) -> Bool -> License -> Bool`

    # Example
    ```nix
    with licenses; map (permissive: evaluateProperty (l: l.free) permissive (OR [ mit unfree ])) [ true false ]
    => [ true false ]
    ```
  */
  evaluateProperty =
    predicate: permissive:
    let
      go =
        license:
        let
          type = license.licenseType or "simple";
        in
        if isList license then
          go (AND license)
        else if type == "compound" then
          if (license.operator == "OR") == permissive then
            any go license.licenses
          else
            all go license.licenses
        else if type == "exception" then
          if permissive then
            go license.license && go license.exception
          else
            go license.license || go license.exception
        else if type == "plus" then
          go license.license
        else
          predicate license;
    in
    go;

  /**
    `evaluateProperty` for an attribute that is a boolean in every licence.

    # Type
    `evaluateNamedProperty :: String -> Bool -> License -> Bool`

    # Example
    ```nix
    with licenses; evaluateNamedProperty "deprecated" false (AND [ mit gpl2 ])
    => true
    ```
  */
  evaluateNamedProperty = name: evaluateProperty (license: license.${name});

  /**
    Whether an expression is free software.

    # Type
    `isFree :: License -> Bool`

    # Example
    ```nix
    with licenses; isFree (AND [ mit (OR [ asl20 unfree ]) ])
    => true
    ```
  */
  isFree = evaluateNamedProperty "free" true;

  /**
    Whether what is under an expression may be passed on.

    # Type
    `isRedistributable :: License -> Bool`

    # Example
    ```nix
    with licenses; isRedistributable (AND [ mit unfree ])
    => false
    ```
  */
  isRedistributable = evaluateNamedProperty "redistributable" true;

  /**
    Whether an expression requires one of some licences.

    # Type
    `containsLicenses :: [ License ] -> License -> Bool`

    # Example
    ```nix
    with licenses; map (containsLicenses [ mit ]) [ (AND [ mit asl20 ]) (OR [ mit asl20 ]) ]
    => [ true false ]
    ```
  */
  containsLicenses = licenses: evaluateProperty (license: builtins.elem license licenses) false;

  /**
    An expression as SPDX writes it. Licences without an identifier become references of the document.

    # Type
    `toSPDX :: License -> String`

    # Example
    ```nix
    with licenses; toSPDX (AND [ ncsa (WITH asl20 llvm-exception) ])
    => "NCSA AND (Apache-2.0 WITH LLVM-exception)"
    ```
  */
  toSPDX =
    let
      inner =
        license:
        let
          text = toSPDX license;
          type = license.licenseType or "simple";
        in
        if type == "compound" || type == "exception" then "(${text})" else text;
    in
    license:
    let
      type = license.licenseType or "simple";
    in
    if isList license then
      toSPDX (AND license)
    else if type == "compound" then
      concatStringsSep " ${license.operator} " (map inner license.licenses)
    else if type == "exception" then
      "${inner license.license} WITH ${inner license.exception}"
    else if type == "plus" then
      "${inner license.license}+"
    else
      license.spdxId or "LicenseRef-nixos-${license.shortName}";
}
