# Flake references, by the evaluator's builtins.
{ ... }:
{
  /**
    The attributes of a flake reference.

    # Type
    `parseFlakeRef :: String -> AttrSet`
  */
  parseFlakeRef =
    builtins.parseFlakeRef or (throw "lib.flakes.parseFlakeRef: flakes are not enabled in this evaluator");

  /**
    A flake reference of its attributes.

    # Type
    `flakeRefToString :: AttrSet -> String`
  */
  flakeRefToString =
    builtins.flakeRefToString
      or (throw "lib.flakes.flakeRefToString: flakes are not enabled in this evaluator");
}
