# Assertions whose failure says why.
{ lib }:
let
  show = lib.generators.toPretty { };
in
rec {
  /**
    True, or an error with the given text; to be used as `assert assertMsg cond "text";`.

    # Type
    `assertMsg :: Bool -> String -> Bool`

    # Example
    ```nix
    assertMsg (1 < 2) "numbers are broken"
    => true
    ```
  */
  assertMsg = pred: msg: pred || throw msg;

  /**
    True if a value is one of a list, else an error that names the variable and lists the valid values.

    # Type
    `assertOneOf :: String -> a -> [ a ] -> Bool`

    # Example
    ```nix
    assertOneOf "sslLibrary" "openssl" [ "openssl" "bearssl" ]
    => true
    ```
  */
  assertOneOf =
    name: val: xs:
    assertMsg (builtins.elem val xs) "${name} must be one of ${show xs}, but is: ${show val}";

  /**
    True if every value of a list is one of another list, else an error as of `assertOneOf`.

    # Type
    `assertEachOneOf :: String -> [ a ] -> [ a ] -> Bool`

    # Example
    ```nix
    asserts.assertEachOneOf "sslLibraries" [ "openssl" ] [ "openssl" "bearssl" ]
    => true
    ```
  */
  assertEachOneOf =
    name: vals: xs:
    assertMsg (builtins.all (val: builtins.elem val xs) vals)
      "each element in ${name} must be one of ${show xs}, but is: ${show vals}";

  /**
    Gives a value after checking assertions (those of a configuration) and printing warnings: the failed
    assertions' messages together are the error.

    # Type
    `checkAssertWarn :: [ { assertion :: Bool; message :: String; } ] -> [ String ] -> a -> a`

    # Example
    ```nix
    asserts.checkAssertWarn [ { assertion = true; message = "never shown"; } ] [ ] "value"
    => "value"
    ```
  */
  checkAssertWarn =
    assertions: warnings: val:
    let
      failed = builtins.filter (x: !x.assertion) assertions;
    in
    if failed == [ ] then
      lib.trivial.showWarnings warnings val
    else
      throw "\nFailed assertions:\n${
        builtins.concatStringsSep "\n" (map (x: "- ${x.message}") failed)
      }";
}
