# Warnings and errors.
{ lib }:
let
  inherit (builtins) getEnv trace;
  inherit (lib.trivial) id;

  # Magenta, as the evaluator prints warnings itself.
  label = builtins.fromJSON ''"\u001b[1;35mevaluation warning:\u001b[0m "'';

  # The warning text goes to builtins.warn where the evaluator has one (2.23 and later).
  warnWith =
    builtins.warn or (
      let
        aborting = builtins.elem (getEnv "NIX_ABORT_ON_WARN") [
          "1"
          "true"
          "yes"
        ];
      in
      if aborting then
        message: _:
        trace (label + message) (
          abort "NIX_ABORT_ON_WARN=true; warnings are treated as unrecoverable errors."
        )
      else
        message: value: trace (label + message) value
    );
in
rec {
  /**
    Prints a warning when the value is evaluated. With `abort-on-warn` (or `NIX_ABORT_ON_WARN`)
    evaluation ends there.

    # Type
    `warn :: String -> a -> a`
  */
  warn = warnWith;

  /**
    `warn` if a condition holds.

    # Type
    `warnIf :: Bool -> String -> a -> a`

    # Example
    ```nix
    warnIf false "never printed" 1
    => 1
    ```
  */
  warnIf = cond: message: if cond then warn message else id;

  /**
    `warn` unless a condition holds.

    # Type
    `warnIfNot :: Bool -> String -> a -> a`

    # Example
    ```nix
    warnIfNot true "never printed" 1
    => 1
    ```
  */
  warnIfNot = cond: message: if cond then id else warn message;

  /**
    The identity function if the condition holds, else an error with the given text.
    Several may be written one after the other before a value.

    # Type
    `throwIfNot :: Bool -> String -> a -> a`

    # Example
    ```nix
    throwIfNot (1 < 2) "numbers are broken" "fine"
    => "fine"
    ```
  */
  throwIfNot = cond: message: if cond then id else throw message;

  /**
    An error with the given text if the condition holds, else the identity function.

    # Type
    `throwIf :: Bool -> String -> a -> a`

    # Example
    ```nix
    throwIf (1 > 2) "numbers are broken" "fine"
    => "fine"
    ```
  */
  throwIf = cond: message: if cond then throw message else id;

  /**
    The identity function if every given value is among the valid ones, else an error that
    lists those that are not; `message` says what the list is.

    # Type
    `checkListOfEnum :: String -> [ a ] -> [ a ] -> b -> b`

    # Example
    ```nix
    checkListOfEnum "colours" [ "red" "blue" ] [ "red" ] "ok"
    => "ok"
    ```
  */
  checkListOfEnum =
    message: valid: given:
    let
      unexpected = builtins.filter (x: !builtins.elem x valid) given;
      show = builtins.concatMap (x: [ (toString x) ]);
    in
    throwIfNot (unexpected == [ ])
      "${message}: ${builtins.concatStringsSep ", " (show unexpected)} unexpected; valid ones: ${builtins.concatStringsSep ", " (show valid)}";

  /**
    Prints a message when the value is evaluated, without calling it a warning.

    # Type
    `info :: String -> a -> a`
  */
  info = message: trace "INFO: ${message}";

  /**
    Prints every warning of a list, then gives the value.

    # Type
    `showWarnings :: [ String ] -> a -> a`

    # Example
    ```nix
    showWarnings [ ] 1
    => 1
    ```
  */
  showWarnings = warnings: value: builtins.foldl' (rest: text: warn text rest) value (
    lib.lists.reverseList warnings
  );
}
