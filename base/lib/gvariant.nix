# Values of GVariant, the format of GNOME's settings: a value, its type, and their text.
{ lib }:
let
  inherit (builtins)
    concatStringsSep
    head
    isAttrs
    isBool
    isFloat
    isInt
    isList
    isString
    typeOf
    ;
  inherit (lib.strings) escape;

  mark = "gvariant";

  # A value of a type; `text` makes its text of the value.
  make = type: value: text: {
    _type = mark;
    inherit type value;
    __toString = self: text self.value;
  };

  # Numbers whose type isn't the one that their text means have it written before.
  number = type: value: make type value (v: "@${type} ${toString v}");

  typesOf = map (v: v.type);
  texts = map toString;
in
rec {
  /**
    Whether a value is one of GVariant.

    # Type
    `isGVariant :: Any -> Bool`

    # Example
    ```nix
    gvariant.isGVariant (gvariant.mkInt32 1)
    => true
    ```
  */
  isGVariant = v: v._type or null == mark;

  /**
    The types, by name; some are functions of types.

    # Type
    `type :: { [String] :: GVariantType | GVariantType -> GVariantType }`

    # Example
    ```nix
    with gvariant.type; [ string (arrayOf int32) (tupleOf [ string boolean ]) ]
    => [ "s" "ai" "(sb)" ]
    ```
  */
  type = {
    arrayOf = t: "a${t}";
    maybeOf = t: "m${t}";
    tupleOf = ts: "(${concatStringsSep "" ts})";
    dictionaryEntryOf = nameType: valueType: "{${nameType}${valueType}}";
    string = "s";
    boolean = "b";
    uchar = "y";
    int16 = "n";
    uint16 = "q";
    int32 = "i";
    uint32 = "u";
    int64 = "x";
    uint64 = "t";
    double = "d";
    variant = "v";
    objectpath = "o";
  };

  /**
    The value of GVariant that a value of Nix means, where that is clear: booleans, floats, strings, lists of
    these. (An integer could be of many types.)

    # Type
    `mkValue :: Any -> GVariant`

    # Example
    ```nix
    toString (gvariant.mkValue [ "a" "b" ])
    => "@as ['a','b']"
    ```
  */
  mkValue =
    v:
    if isGVariant v then
      v
    else if isBool v then
      mkBoolean v
    else if isFloat v then
      mkDouble v
    else if isString v then
      mkString v
    else if isList v then
      mkArray v
    else if isInt v then
      throw "The GVariant type for number “${toString v}” is unclear.\nPlease wrap the value with one of the following, depending on the value type in GSettings schema:\n\n- `lib.gvariant.mkUchar` for `y`\n- `lib.gvariant.mkInt16` for `n`\n- `lib.gvariant.mkUint16` for `q`\n- `lib.gvariant.mkInt32` for `i`\n- `lib.gvariant.mkUint32` for `u`\n- `lib.gvariant.mkInt64` for `x`\n- `lib.gvariant.mkUint64` for `t`\n- `lib.gvariant.mkDouble` for `d`"
    else if isAttrs v then
      throw "Cannot construct GVariant value from an attribute set.\nIf you want to construct a dictionary, you will need to create an array containing items constructed with `lib.gvariant.mkDictionaryEntry`."
    else
      throw "The GVariant type of “${typeOf v}” can't be inferred.";

  /**
    An array of values, which must be of one type.

    # Type
    `mkArray :: [ Any ] -> GVariant`
  */
  mkArray =
    elems:
    let
      values = map mkValue elems;
      first = (head values).type;
    in
    if elems == [ ] then
      throw "Please create empty array with mkEmptyArray."
    else if !builtins.all (v: v.type == first) values then
      throw "Elements in a list should have same type.\nHere are the types of elements: ${concatStringsSep ", " (lib.lists.unique (typesOf values))}"
    else
      make (type.arrayOf first) values (v: "@${type.arrayOf first} [${concatStringsSep "," (texts v)}]");

  /**
    An array without elements, of a type of elements.

    # Type
    `mkEmptyArray :: GVariantType -> GVariant`

    # Example
    ```nix
    toString (gvariant.mkEmptyArray gvariant.type.uint32)
    => "@au []"
    ```
  */
  mkEmptyArray = elemType: make (type.arrayOf elemType) [ ] (_: "@${type.arrayOf elemType} []");

  /**
    A value of any type, as one of the type variant.

    # Type
    `mkVariant :: Any -> GVariant`

    # Example
    ```nix
    toString (gvariant.mkVariant "x")
    => "<'x'>"
    ```
  */
  mkVariant = elem: make type.variant (mkValue elem) (v: "<${toString v}>");

  /**
    An entry of a dictionary; a list of them is a dictionary.

    # Type
    `mkDictionaryEntry :: Any -> Any -> GVariant`
  */
  mkDictionaryEntry =
    name: value:
    let
      name' = mkValue name;
      value' = mkValue value;
      entryType = type.dictionaryEntryOf name'.type value'.type;
    in
    make entryType { name = name'; value = value'; } (
      v: "@${entryType} {${toString v.name},${toString v.value}}"
    );

  /**
    Nothing (null) or a value, of a type.

    # Type
    `mkMaybe :: GVariantType -> Any -> GVariant`
  */
  mkMaybe =
    elemType: elem:
    make (type.maybeOf elemType) elem (
      v: if v == null then "@${type.maybeOf elemType} nothing" else "just ${toString v}"
    );

  /**
    Nothing, of a type.

    # Type
    `mkNothing :: GVariantType -> GVariant`

    # Example
    ```nix
    toString (gvariant.mkNothing gvariant.type.string)
    => "@ms nothing"
    ```
  */
  mkNothing = elemType: mkMaybe elemType null;

  /**
    A value where nothing would be possible, too.

    # Type
    `mkJust :: Any -> GVariant`
  */
  mkJust =
    elem:
    let
      value = mkValue elem;
    in
    mkMaybe value.type value;

  /**
    A tuple of values.

    # Type
    `mkTuple :: [ Any ] -> GVariant`

    # Example
    ```nix
    toString (gvariant.mkTuple [ "a" true ])
    => "@(sb) ('a',true)"
    ```
  */
  mkTuple =
    elems:
    let
      values = map mkValue elems;
      tupleType = type.tupleOf (typesOf values);
    in
    make tupleType values (v: "@${tupleType} (${concatStringsSep "," (texts v)})");

  /**
    A boolean.

    # Type
    `mkBoolean :: Bool -> GVariant`
  */
  mkBoolean = v: make type.boolean v lib.trivial.boolToString;

  /**
    A string.

    # Type
    `mkString :: String -> GVariant`

    # Example
    ```nix
    toString (gvariant.mkString "it's")
    => "'it\\'s'"
    ```
  */
  mkString =
    v:
    make type.string v (
      s:
      "'${
        builtins.replaceStrings [ "\n" ] [ "\\n" ] (
          escape [
            "'"
            "\\"
          ] s
        )
      }'"
    );

  /**
    The path of an object on a bus.

    # Type
    `mkObjectpath :: String -> GVariant`
  */
  mkObjectpath = v: make type.objectpath v (s: "objectpath '${escape [ "'" ] s}'");

  /**
    An integer of 8 bits.

    # Type
    `mkUchar :: Int -> GVariant`
  */
  mkUchar = number type.uchar;

  /**
    An integer of 16 bits.

    # Type
    `mkInt16 :: Int -> GVariant`
  */
  mkInt16 = number type.int16;

  /**
    An integer of 16 bits without sign.

    # Type
    `mkUint16 :: Int -> GVariant`
  */
  mkUint16 = number type.uint16;

  /**
    An integer of 32 bits.

    # Type
    `mkInt32 :: Int -> GVariant`

    # Example
    ```nix
    toString (gvariant.mkInt32 (-42))
    => "-42"
    ```
  */
  mkInt32 = v: make type.int32 v toString;

  /**
    An integer of 32 bits without sign.

    # Type
    `mkUint32 :: Int -> GVariant`
  */
  mkUint32 = number type.uint32;

  /**
    An integer of 64 bits.

    # Type
    `mkInt64 :: Int -> GVariant`
  */
  mkInt64 = number type.int64;

  /**
    An integer of 64 bits without sign.

    # Type
    `mkUint64 :: Int -> GVariant`
  */
  mkUint64 = number type.uint64;

  /**
    A floating point number.

    # Type
    `mkDouble :: Float -> GVariant`
  */
  mkDouble = v: make type.double v toString;

  /**
    The constructors of integers: their names, types and the numbers that they can hold (null where Nix has none that is
    beyond).

    # Type
    `intConstructors :: [ { name :: String; type :: GVariantType; min :: Int | null; max :: Int | null; } ]`

    # Example
    ```nix
    map (c: c.name) (builtins.filter (c: c.max == 255) gvariant.intConstructors)
    => [ "mkUchar" ]
    ```
  */
  intConstructors =
    let
      signed = name: type: limit: {
        inherit name type;
        min = if limit == null then null else -limit - 1;
        max = limit;
      };
      unsigned = name: type: max: {
        inherit name type max;
        min = 0;
      };
    in
    [
      (signed "mkInt32" type.int32 2147483647)
      (unsigned "mkUint32" type.uint32 4294967295)
      (signed "mkInt64" type.int64 null)
      (unsigned "mkUint64" type.uint64 null)
      (signed "mkInt16" type.int16 32767)
      (unsigned "mkUint16" type.uint16 65535)
      (unsigned "mkUchar" type.uchar 255)
    ];
}
