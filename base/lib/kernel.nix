# Settings of the Linux kernel's configuration.
{ lib }:
let
  inherit (lib.modules) mkIf;

  setting = tristate: {
    inherit tristate;
    optional = false;
  };
in
rec {
  /**
    A setting that may be unknown to the kernel.

    # Type
    `option :: Setting -> Setting`

    # Example
    ```nix
    kernel.option kernel.yes
    => { optional = true; tristate = "y"; }
    ```
  */
  option = x: x // { optional = true; };

  /**
    Built in.
  */
  yes = setting "y";

  /**
    Not built.
  */
  no = setting "n";

  /**
    Built as a module.
  */
  module = setting "m";

  /**
    Not mentioned.
  */
  unset = setting null;

  /**
    A setting with a value.

    # Type
    `freeform :: String -> Setting`

    # Example
    ```nix
    kernel.freeform "64"
    => { freeform = "64"; optional = false; }
    ```
  */
  freeform = x: {
    freeform = x;
    optional = false;
  };

  /**
    Conditions on a kernel's version: `whenOlder`, `whenAtLeast`, and `whenBetween` (the second version excluded).

    # Type
    `whenHelpers :: String -> { whenAtLeast, whenBetween, whenOlder }`

    # Example
    ```nix
    ((kernel.whenHelpers "5.4").whenOlder "5.5" kernel.yes).condition
    => true
    ```
  */
  whenHelpers = version: {
    whenAtLeast = lower: mkIf (lib.strings.versionAtLeast version lower);
    whenOlder = upper: mkIf (lib.strings.versionOlder version upper);
    whenBetween =
      lower: upper:
      mkIf (lib.strings.versionAtLeast version lower && lib.strings.versionOlder version upper);
  };
}
