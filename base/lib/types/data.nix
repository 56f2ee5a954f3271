# Values that formats like JSON can write.
{ lib, ... }:
let
  inherit (lib.types)
    attrsOf
    bool
    float
    int
    listOf
    nullOr
    oneOf
    path
    str
    ;

  serializableValueWith =
    {
      typeName,
      nullable ? true,
    }:
    let
      values = oneOf [
        bool
        int
        float
        str
        path
        (attrsOf valueType)
        (listOf valueType)
      ];
      # The types refer to each other, so the description has to be given.
      valueType = (if nullable then nullOr values else values) // {
        description = "${typeName} value";
      };
    in
    valueType;
in
{
  /**
    What a format of data can hold: booleans, numbers, strings, paths, lists and sets of these, and null unless
    `nullable` is false.

    # Type
    `serializableValueWith :: { typeName :: String; nullable :: Bool ? true; } -> OptionType`

    # Example
    ```nix
    (types.serializableValueWith { typeName = "XML"; }).description
    => "XML value"
    ```
  */
  inherit serializableValueWith;

  /**
    What JSON can hold.
  */
  json = serializableValueWith { typeName = "JSON"; };

  /**
    What TOML can hold.
  */
  toml = serializableValueWith {
    typeName = "TOML";
    nullable = false;
  };
}
