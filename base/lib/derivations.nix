# Derivations that are evaluated late or with a warning.
{ lib }:
let
  inherit (builtins) listToAttrs;
in
{
  /**
    Wraps a derivation so that its attribute names are known without evaluating it. Asking for paths
    evaluates it; `meta`, `passthru` and `outputs` may be given so that asking for them doesn't.

    # Type
    `lazyDerivation :: { derivation :: Derivation; meta :: AttrSet; passthru :: AttrSet; outputs :: [ String ] ? [ "out" ]; } -> Derivation`

    # Example
    ```nix
    (lazyDerivation { derivation = throw "not evaluated"; meta.description = "x"; }).meta
    => { description = "x"; }
    ```
  */
  lazyDerivation =
    args@{
      derivation,
      meta ? null,
      passthru ? { },
      outputs ? [ "out" ],
    }:
    let
      # The derivation, checked against what was promised.
      checked =
        if outputs == derivation.outputs or [ "out" ] then
          derivation
        else
          throw ''
            lib.lazyDerivation: The derivation ${derivation.name or "<unknown>"} has outputs that don't match the assumed outputs.

            Assumed outputs passed to lazyDerivation${
              if args ? outputs then "" else ",\n    defaulting to"
            }:
                ${lib.generators.toPretty { multiline = false; } outputs};

            Actual outputs of the derivation:
                ${lib.generators.toPretty { multiline = false; } (derivation.outputs or [ "out" ])}

            If the outputs are known before evaluating the derivation,
            then call it as `lazyDerivation { outputs = …; … }`; if not, the wrapping has to go.
          '';
    in
    {
      type = "derivation";
      inherit (checked)
        outPath
        outputName
        drvPath
        name
        system
        ;
      inherit outputs;
    }
    // listToAttrs (
      map (name: {
        inherit name;
        value = checked.${name};
      }) outputs
    )
    // {
      meta = if args ? meta then meta else checked.meta or { };
    }
    // passthru;

  /**
    A value for a derivation's attribute if the condition holds, else null, which `mkDerivation` leaves out.

    # Type
    `optionalDrvAttr :: Bool -> a -> a | null`

    # Example
    ```nix
    map (cond: optionalDrvAttr cond 1) [ true false ]
    => [ 1 null ]
    ```
  */
  optionalDrvAttr = cond: value: if cond then value else null;

  /**
    Wraps a derivation so that building it prints a warning. Searching for packages doesn't.

    # Type
    `warnOnInstantiate :: String -> Derivation -> Derivation`

    # Example
    ```nix
    (warnOnInstantiate "printed when the path is needed" { name = "x"; outPath = "/x"; }).name
    => "x"
    ```
  */
  warnOnInstantiate =
    msg: drv:
    let
      quiet = [
        "meta"
        "name"
        "type"
        "outputName"
      ];
    in
    drv
    // builtins.mapAttrs (_: lib.trivial.warn msg) (builtins.removeAttrs drv quiet);

  inherit (builtins) unsafeDiscardOutputDependency;

  /**
    The builtin of the same name, an error where the evaluator doesn't have it.

    # Type
    `addDrvOutputDependencies :: String -> String`
  */
  addDrvOutputDependencies =
    builtins.addDrvOutputDependencies
      or (throw "lib.addDrvOutputDependencies: this evaluator has no builtin of that name");
}
