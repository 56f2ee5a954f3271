# Numbers.
{ lib, core }:
let
  inherit (builtins) isFloat isInt;
  inherit (core) addCheck mkOptionType scalar;
  inherit (lib.options) mergeEqualOption;

  int = mkOptionType {
    name = "int";
    description = "signed integer";
    descriptionClass = "noun";
    check = isInt;
    merge = scalar mergeEqualOption;
  };

  # A number of some kind with a condition; comparing numbers looks at nothing inside. Declared twice it stays what it is;
  # with other numbers of its kind it is joined to the kind without conditions.
  restrict =
    type:
    {
      name,
      description,
      descriptionClass ? "noun",
      check,
    }:
    let
      functor = type.functor // {
        restriction = description;
      };
      restricted = addCheck type check // {
        inherit
          name
          description
          descriptionClass
          functor
          ;
        typeMerge =
          other: if other.restriction or null == description then restricted else type.typeMerge other;
      };
    in
    restricted;

  restrictInt =
    args@{ check, ... }:
    let
      restricted = restrict int args // {
        check = x: isInt x && check x;
        merge = scalar mergeEqualOption;
        typeMerge = other: if other.restriction or null == args.description then restricted else int.typeMerge other;
      };
    in
    restricted;

  range = lowest: highest: "between ${toString lowest} and ${toString highest} (both inclusive)";

  within =
    lowest: highest: x:
    x >= lowest && x <= highest;

  signed =
    bits: lowest: highest:
    restrictInt {
      name = "signedInt${toString bits}";
      description = "${toString bits} bit signed integer; ${range lowest highest}";
      check = within lowest highest;
    };

  unsigned =
    bits: highest:
    restrictInt {
      name = "unsignedInt${toString bits}";
      description = "${toString bits} bit unsigned integer; ${range 0 highest}";
      check = within 0 highest;
    };

  ordered =
    what: lowest: highest:
    lib.assertMsg (lowest <= highest) "${what}: lowest must be smaller than highest";

  number = lib.types.either int float;

  float = mkOptionType {
    name = "float";
    description = "floating point number";
    descriptionClass = "noun";
    check = isFloat;
    merge = scalar mergeEqualOption;
  };
in
{
  /**
    An integer.
  */
  inherit int;

  /**
    Integers of a range, or of one of the usual sizes.
  */
  ints = {
    /**
      Integers from one number to another, both included.

      # Type
      `ints.between :: Int -> Int -> OptionType`
    */
    between =
      lowest: highest:
      assert ordered "ints.between" lowest highest;
      restrictInt {
        name = "intBetween";
        description = "integer ${range lowest highest}";
        check = within lowest highest;
      };
    unsigned = restrictInt {
      name = "unsignedInt";
      description = "unsigned integer, meaning >=0";
      descriptionClass = "nonRestrictiveClause";
      check = x: x >= 0;
    };
    positive = restrictInt {
      name = "positiveInt";
      description = "positive integer, meaning >0";
      descriptionClass = "nonRestrictiveClause";
      check = x: x > 0;
    };
    u8 = unsigned 8 255;
    u16 = unsigned 16 65535;
    u32 = unsigned 32 4294967295;
    s8 = signed 8 (-128) 127;
    s16 = signed 16 (-32768) 32767;
    s32 = signed 32 (-2147483648) 2147483647;
  };

  /**
    The number of a TCP or UDP port.
  */
  port = unsigned 16 65535;

  /**
    A floating point number.
  */
  inherit float;

  /**
    An integer or a floating point number.
  */
  inherit number;

  /**
    Numbers of a range.
  */
  numbers = {
    /**
      Numbers from one to another, both included.

      # Type
      `numbers.between :: Number -> Number -> OptionType`
    */
    between =
      lowest: highest:
      assert ordered "numbers.between" lowest highest;
      restrict number {
        name = "numberBetween";
        description = "integer or floating point number ${range lowest highest}";
        descriptionClass = "conjunction";
        check = within lowest highest;
      };
    nonnegative = restrict number {
      name = "numberNonnegative";
      description = "nonnegative integer or floating point number, meaning >=0";
      descriptionClass = "nonRestrictiveClause";
      check = x: x >= 0;
    };
    positive = restrict number {
      name = "numberPositive";
      description = "positive integer or floating point number, meaning >0";
      descriptionClass = "nonRestrictiveClause";
      check = x: x > 0;
    };
  };
}
