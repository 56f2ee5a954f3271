# Options of build systems: autoconf, CMake, Meson.
{ lib }:
let
  cmakeTypes = [
    "BOOL"
    "FILEPATH"
    "PATH"
    "STRING"
    "INTERNAL"
    "LIST"
  ];
in
rec {
  /**
    An option `-D<feature>:<type>=<value>` of CMake.

    # Type
    `cmakeOptionType :: String -> String -> String -> String`

    # Example
    ```nix
    cmakeOptionType "string" "ENGINE" "sdl2"
    => "-DENGINE:STRING=sdl2"
    ```
  */
  cmakeOptionType =
    type: feature: value:
    let
      type' = lib.strings.toUpper type;
    in
    assert lib.asserts.assertOneOf "the type of a CMake option" type' cmakeTypes;
    assert builtins.isString feature && builtins.isString value;
    "-D${feature}:${type'}=${value}";

  /**
    A boolean option of CMake.

    # Type
    `cmakeBool :: String -> Bool -> String`

    # Example
    ```nix
    cmakeBool "ENABLE_STATIC_LIBS" false
    => "-DENABLE_STATIC_LIBS:BOOL=FALSE"
    ```
  */
  cmakeBool =
    condition: flag:
    assert builtins.isBool flag;
    cmakeOptionType "bool" condition (if flag then "TRUE" else "FALSE");

  /**
    An option of CMake whose value is a string.

    # Type
    `cmakeFeature :: String -> String -> String`

    # Example
    ```nix
    cmakeFeature "MODULES" "badblock"
    => "-DMODULES:STRING=badblock"
    ```
  */
  cmakeFeature = cmakeOptionType "string";

  /**
    An option `-D<feature>=<value>` of Meson.

    # Type
    `mesonOption :: String -> String -> String`

    # Example
    ```nix
    mesonOption "engine" "opengl"
    => "-Dengine=opengl"
    ```
  */
  mesonOption =
    feature: value:
    assert builtins.isString feature && builtins.isString value;
    "-D${feature}=${value}";

  /**
    A boolean option of Meson.

    # Type
    `mesonBool :: String -> Bool -> String`

    # Example
    ```nix
    mesonBool "hardened" true
    => "-Dhardened=true"
    ```
  */
  mesonBool =
    condition: flag:
    assert builtins.isBool flag;
    mesonOption condition (lib.trivial.boolToString flag);

  /**
    A feature of Meson, enabled or disabled.

    # Type
    `mesonEnable :: String -> Bool -> String`

    # Example
    ```nix
    mesonEnable "docs" false
    => "-Ddocs=disabled"
    ```
  */
  mesonEnable =
    feature: flag:
    assert builtins.isBool flag;
    mesonOption feature (if flag then "enabled" else "disabled");

  /**
    `--enable-<feature>` or `--disable-<feature>`.

    # Type
    `enableFeature :: Bool -> String -> String`

    # Example
    ```nix
    enableFeature false "foo"
    => "--disable-foo"
    ```
  */
  enableFeature =
    flag: feature:
    assert builtins.isBool flag;
    assert builtins.isString feature;
    (if flag then "--enable-" else "--disable-") + feature;

  /**
    `--enable-<feature>=<value>` or `--disable-<feature>`.

    # Type
    `enableFeatureAs :: Bool -> String -> String -> String`

    # Example
    ```nix
    enableFeatureAs true "foo" "bar"
    => "--enable-foo=bar"
    ```
  */
  enableFeatureAs =
    flag: feature: value:
    enableFeature flag feature + (if flag then "=${value}" else "");

  /**
    `--with-<feature>` or `--without-<feature>`.

    # Type
    `withFeature :: Bool -> String -> String`

    # Example
    ```nix
    withFeature false "foo"
    => "--without-foo"
    ```
  */
  withFeature =
    flag: feature:
    assert builtins.isBool flag;
    assert builtins.isString feature;
    (if flag then "--with-" else "--without-") + feature;

  /**
    `--with-<feature>=<value>` or `--without-<feature>`.

    # Type
    `withFeatureAs :: Bool -> String -> String -> String`

    # Example
    ```nix
    withFeatureAs true "foo" "bar"
    => "--with-foo=bar"
    ```
  */
  withFeatureAs =
    flag: feature: value:
    withFeature flag feature + (if flag then "=${value}" else "");

  /**
    A string filled up at the left to a width; an error if it is wider.

    # Type
    `fixedWidthString :: Int -> String -> String -> String`

    # Example
    ```nix
    fixedWidthString 5 "0" "15"
    => "00015"
    ```
  */
  fixedWidthString =
    width: filler: str:
    let
      size = builtins.stringLength str;
      step = builtins.stringLength filler;
      missing = width - size;
    in
    assert lib.assertMsg (missing >= 0)
      "fixedWidthString: requested string length (${toString width}) must not be shorter than actual length (${toString size})";
    if missing == 0 then
      str
    else
      lib.strings.replicate (missing / step) filler
      + builtins.substring 0 (missing - step * (missing / step)) filler
      + str;

  /**
    A number with leading zeroes up to a width.

    # Type
    `fixedWidthNumber :: Int -> Int -> String`

    # Example
    ```nix
    fixedWidthNumber 5 15
    => "00015"
    ```
  */
  fixedWidthNumber = width: n: fixedWidthString width "0" (toString n);
}
