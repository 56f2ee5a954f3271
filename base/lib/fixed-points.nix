# Recursive values: fixed points, overlays on them, and sets that can be extended later.
{ ... }:
rec {
  /**
    Ties the knot of `f`: the result is a value `x` for which `x == f x` holds.
    `f` must be lazy in its argument.

    # Type
    `fix :: (a -> a) -> a`

    # Example
    ```nix
    (fix (self: { one = 1; two = self.one + 1; })).two
    => 2
    ```
  */
  fix =
    f:
    let
      self = f self;
    in
    self;

  /**
    `fix` that also keeps the function it was given, under the attribute `__unfix__`,
    so that the result can be extended later.

    # Type
    `fix' :: (AttrSet -> AttrSet) -> AttrSet`

    # Example
    ```nix
    ((fix' (self: { a = 1; })).__unfix__ { }).a
    => 1
    ```
  */
  fix' =
    f:
    let
      self = f self // {
        __unfix__ = f;
      };
    in
    self;

  /**
    Applies `f` to `x` again and again until a step changes nothing, and gives that value.
    Does not end if there is no such value.

    # Type
    `converge :: (a -> a) -> a -> a`

    # Example
    ```nix
    converge (x: x / 3) 100
    => 0
    ```
  */
  converge =
    f: x:
    let
      next = f x;
    in
    if next == x then x else converge f next;

  /**
    Lays an overlay over a fixed-point function. The overlay sees the final set and the set as it
    was before; what it returns replaces attributes of the latter.

    # Type
    `extends :: (AttrSet -> AttrSet -> AttrSet) -> (AttrSet -> AttrSet) -> (AttrSet -> AttrSet)`

    # Example
    ```nix
    fix (extends (final: prev: { b = prev.a + 1; a = 5; }) (final: { a = 1; }))
    => { a = 5; b = 2; }
    ```
  */
  extends =
    overlay: base: final:
    let
      prev = base final;
    in
    prev // overlay final prev;

  /**
    Joins two overlays into one; the second sees what the first did.

    # Type
    `composeExtensions :: Overlay -> Overlay -> Overlay`

    # Example
    ```nix
    composeExtensions (final: prev: { a = prev.a + 1; }) (final: prev: { a = prev.a * 2; }) { } { a = 3; }
    => { a = 8; }
    ```
  */
  composeExtensions =
    first: second: final: prev:
    let
      changes = first final prev;
    in
    changes // second final (prev // changes);

  /**
    Joins a list of overlays into one; each sees what those before it did.

    # Type
    `composeManyExtensions :: [ Overlay ] -> Overlay`

    # Example
    ```nix
    composeManyExtensions [ (_: prev: { n = prev.n + 1; }) (_: prev: { m = prev.n; }) ] { } { n = 0; }
    => { m = 1; n = 1; }
    ```
  */
  composeManyExtensions =
    overlays: final: prev:
    (builtins.foldl'
      (
        state: overlay:
        let
          changes = overlay final state.prev;
        in
        {
          prev = state.prev // changes;
          all = state.all // changes;
        }
      )
      {
        inherit prev;
        all = { };
      }
      overlays
    ).all;

  /**
    A recursive set with a function `extend`, which gives the set anew with an overlay on top.

    # Type
    `makeExtensible :: (AttrSet -> AttrSet) -> AttrSet`

    # Example
    ```nix
    let set = makeExtensible (final: { a = 1; b = final.a; }); in (set.extend (_: _: { a = 2; })).b
    => 2
    ```
  */
  makeExtensible = makeExtensibleWithCustomName "extend";

  /**
    `makeExtensible` with another name for the function `extend`.

    # Type
    `makeExtensibleWithCustomName :: String -> (AttrSet -> AttrSet) -> AttrSet`

    # Example
    ```nix
    ((makeExtensibleWithCustomName "more" (_: { a = 1; })).more (_: prev: { a = prev.a + 1; })).a
    => 2
    ```
  */
  makeExtensibleWithCustomName =
    extenderName: rattrs:
    fix' (
      final:
      rattrs final
      // {
        ${extenderName} = overlay: makeExtensibleWithCustomName extenderName (extends overlay rattrs);
      }
    );

  /**
    Makes an overlay of what may stand in an overlay's place: a set, a function of the previous set,
    or an overlay (`final: prev: { … }`), which comes back as it is.

    # Type
    `toExtension :: (AttrSet | AttrSet -> AttrSet | AttrSet -> AttrSet -> AttrSet) -> Overlay`

    # Example
    ```nix
    toExtension (prev: { a = prev.a + 1; }) { } { a = 1; }
    => { a = 2; }
    ```
  */
  toExtension =
    f:
    if !(builtins.isFunction f || f ? __functor) then
      _final: _prev: f
    else
      final: prev:
      let
        once = f final;
      in
      # One argument only: then it was the previous set that `f` asked for.
      if builtins.isFunction once || once ? __functor then once prev else f prev;
}
