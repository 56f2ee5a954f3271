# Paths.
{ lib, core }:
let
  inherit (builtins)
    isString
    match
    storeDir
    substring
    ;
  inherit (core) mkOptionType;
  inherit (lib.options) mergeEqualOption;

  # In the store: a store path or something inside one. The store's own files (".links") are not.
  inStorePattern = "${lib.strings.escapeRegex storeDir}/[0-9a-z]{32}-[^/]*(/.*)?|/[0-9a-z]{52}(/.*)?";

  pathWith =
    {
      inStore ? null,
      absolute ? null,
    }:
    let
      payload = { inherit inStore absolute; };
      functor = core.functorOf "path" pathWith payload (a: b: if a == b then a else null);
    in
    if inStore == true && absolute == false then
      throw "In pathWith, inStore means the path must be absolute"
    else
      mkOptionType {
        name = "path";
        description =
          (
            if absolute == null then
              ""
            else if absolute then
              "absolute "
            else
              "relative "
          )
          + "path"
          + (
            if inStore == null then
              ""
            else if inStore then
              " in the Nix store"
            else
              " not in the Nix store"
          );
        descriptionClass = "noun";
        check =
          x:
          let
            text = toString x;
            isAbsolute = substring 0 1 text == "/";
            isInStore = match inStorePattern text != null;
          in
          # A path value becomes a store path where it is used, so it is never outside.
          (if inStore == false then isString x else lib.strings.isStringLike x)
          && (absolute == null || absolute == isAbsolute)
          && (inStore == null || inStore == isInStore);
        merge = core.identity mergeEqualOption;
        inherit functor;
      };
in
{
  /**
    A path: absolute or relative, in the store or outside of it, or either where it isn't said.

    # Type
    `pathWith :: { inStore :: Bool | null ? null; absolute :: Bool | null ? null; } -> OptionType`

    # Example
    ```nix
    map (types.pathWith { absolute = true; }).check [ "/etc" "etc" ]
    => [ true false ]
    ```
  */
  inherit pathWith;

  /**
    An absolute path.
  */
  path = pathWith { absolute = true; };

  /**
    A path in the store.
  */
  pathInStore = pathWith { inStore = true; };

  /**
    An absolute path outside of the store; what must not be copied there, such as a file with a secret.
  */
  externalPath = pathWith {
    absolute = true;
    inStore = false;
  };
}
