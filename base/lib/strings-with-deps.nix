# Pieces of text that have to come in an order: each names the pieces before it.
{ ... }:
let
  inherit (builtins)
    concatStringsSep
    foldl'
    isAttrs
    isString
    ;
in
rec {
  /**
    The texts of the named pieces and of everything they depend on, every piece after those it needs. A piece is
    a string, or a set with `deps` (names) and `text`.

    # Type
    `textClosureList :: { [String] :: { deps :: [ String ]; text :: String; } | String } -> [ String ] -> [ String ]`

    # Example
    ```nix
    textClosureList { a = { deps = [ "b" ]; text = "A"; }; b = "B"; c = "C"; } [ "a" ]
    => [ "B" "A" ]
    ```
  */
  textClosureList =
    predefined: names:
    let
      visit =
        state: entry:
        if isAttrs entry then
          # a piece that has no name
          let
            before = foldl' visit state entry.deps;
          in
          before // { texts = before.texts ++ [ entry.text ]; }
        else if state.done ? ${entry} then
          state
        else
          let
            piece = predefined.${entry};
            # Marked at once, so that a cycle ends.
            marked = state // {
              done = state.done // {
                ${entry} = true;
              };
            };
            before = if isString piece then marked else foldl' visit marked piece.deps;
          in
          before
          // {
            texts = before.texts ++ [ (if isString piece then piece else piece.text) ];
          };
    in
    (foldl' visit {
      done = { };
      texts = [ ];
    } names).texts;

  /**
    The texts of `textClosureList`, each through a function, as lines.

    # Type
    `textClosureMap :: (String -> String) -> { [String] :: { deps, text } | String } -> [ String ] -> String`

    # Example
    ```nix
    textClosureMap id { a = { deps = [ "b" ]; text = "A"; }; b = "B"; } [ "a" ]
    => "B\nA"
    ```
  */
  textClosureMap =
    f: predefined: names:
    concatStringsSep "\n" (map f (textClosureList predefined names));

  /**
    A piece that needs no other.

    # Type
    `noDepEntry :: String -> { deps :: [ String ]; text :: String; }`

    # Example
    ```nix
    noDepEntry "x"
    => { deps = [ ]; text = "x"; }
    ```
  */
  noDepEntry = text: {
    inherit text;
    deps = [ ];
  };

  /**
    A piece and those it needs.

    # Type
    `fullDepEntry :: String -> [ String ] -> { deps :: [ String ]; text :: String; }`

    # Example
    ```nix
    fullDepEntry "x" [ "a" ]
    => { deps = [ "a" ]; text = "x"; }
    ```
  */
  fullDepEntry = text: deps: { inherit text deps; };

  /**
    Pieces under one name, without text of its own.

    # Type
    `packEntry :: [ String ] -> { deps :: [ String ]; text :: String; }`

    # Example
    ```nix
    packEntry [ "a" ]
    => { deps = [ "a" ]; text = ""; }
    ```
  */
  packEntry = deps: {
    inherit deps;
    text = "";
  };

  /**
    `fullDepEntry` with its arguments swapped.

    # Type
    `stringAfter :: [ String ] -> String -> { deps :: [ String ]; text :: String; }`

    # Example
    ```nix
    stringAfter [ "a" ] "x"
    => { deps = [ "a" ]; text = "x"; }
    ```
  */
  stringAfter = deps: text: { inherit text deps; };
}
