# Declarations of options.
{ lib }:
let
  inherit (lib.attrsets) attrByPath optionalAttrs showAttrPath;
  inherit (lib.lists) toList;
in
rec {
  /**
    Whether a value is an option.

    # Type
    `isOption :: Any -> Bool`

    # Example
    ```nix
    map isOption [ (mkOption { }) { } ]
    => [ true false ]
    ```
  */
  isOption = value: value._type or null == "option";

  /**
    Declares an option. All attributes may be left out:

    - `type`: what it may be and how definitions are joined (`lib.types`)
    - `default`: the value where nobody defines it
    - `defaultText`, `example`: for the documentation; text in `literalExpression` or `literalMD` is shown as it is
    - `description`: in Markdown
    - `apply`: a function of the value that makes what others read
    - `internal`: not for users
    - `visible`: whether it is in the documentation; `"shallow"` leaves out the options below it, `"transparent"` has
      only these
    - `readOnly`: can be defined once only
    - `relatedPackages`: names of packages, for the documentation

    # Type
    `mkOption :: AttrSet -> Option`

    # Example
    ```nix
    mkOption { default = "foo"; }
    => { _type = "option"; default = "foo"; }
    ```
  */
  mkOption =
    {
      type ? null,
      default ? null,
      defaultText ? null,
      example ? null,
      description ? null,
      relatedPackages ? null,
      internal ? null,
      visible ? null,
      readOnly ? null,
      apply ? null,
    }@attrs:
    attrs // { _type = "option"; };

  /**
    Declares an option that switches something on, false by default.

    # Type
    `mkEnableOption :: String -> Option`

    # Example
    ```nix
    (mkEnableOption "a daemon").description
    => "Whether to enable a daemon."
    ```
  */
  mkEnableOption =
    name:
    mkOption {
      default = false;
      example = true;
      description = "Whether to enable ${name}.";
      type = lib.types.bool;
    };

  /**
    Declares an option for the package that a module uses.

    - `pkgs`: the package set with the default
    - `name`: the package's name in the description, and its place in the set (a string or a path of attributes)
    - `nullable` (false): whether no package is an answer, too
    - `default`: the place in the set if it is another; null for none
    - `example`: the place of an example, or text
    - `extraDescription`: more text
    - `pkgsText` ("pkgs"): what the set is called in the documentation

    # Type
    `mkPackageOption :: AttrSet -> String | [ String ] -> { nullable?, default?, example?, extraDescription?, pkgsText? } -> Option`

    # Example
    ```nix
    (mkPackageOption { hello.name = "hello-1"; } "hello" { }).defaultText.text
    => "pkgs.hello"
    ```
  */
  mkPackageOption =
    pkgs: name:
    {
      nullable ? false,
      default ? name,
      example ? null,
      extraDescription ? "",
      pkgsText ? "pkgs",
    }:
    let
      name' = if builtins.isList name then lib.lists.last name else name;
      path = toList default;
      known = attrByPath path (throw "${showAttrPath path} cannot be found in ${pkgsText}") pkgs;
      isDefined = default != null;
    in
    mkOption (
      {
        type = (if nullable then lib.types.nullOr else lib.trivial.id) lib.types.package;
        description =
          "The ${name'} package to use." + (if extraDescription == "" then "" else " ${extraDescription}");
      }
      // optionalAttrs (isDefined || nullable) {
        default = if isDefined then known else null;
      }
      // optionalAttrs isDefined {
        defaultText = literalExpression "${pkgsText}.${showAttrPath path}";
      }
      // optionalAttrs (example != null) {
        example = literalExpression (
          if builtins.isList example then "${pkgsText}.${showAttrPath example}" else example
        );
      }
    );

  /**
    Declares an option that takes any definition and has no value; for modules of another evaluation whose
    options don't exist here.

    # Type
    `mkSinkUndeclaredOptions :: AttrSet -> Option`
  */
  mkSinkUndeclaredOptions =
    attrs:
    mkOption (
      {
        internal = true;
        visible = false;
        default = false;
        description = "Sink for option definitions.";
        type = lib.types.mkOptionType {
          name = "sink";
          check = _: true;
          merge = _: _: false;
        };
        apply =
          _:
          throw "Option value is not readable because the option is not declared.";
      }
      // attrs
    );

  /**
    Text for a default or an example that is a Nix expression.

    # Type
    `literalExpression :: String -> { _type, text }`

    # Example
    ```nix
    literalExpression "pkgs.hello"
    => { _type = "literalExpression"; text = "pkgs.hello"; }
    ```
  */
  literalExpression =
    text:
    if !builtins.isString text then
      throw "literalExpression expects a string."
    else
      {
        _type = "literalExpression";
        inherit text;
      };

  /**
    Text for a default or an example in another language.

    # Type
    `literalCode :: String -> String -> { _type, text }`

    # Example
    ```nix
    (options.literalCode "lua" "x = 1")._type
    => "literalMD"
    ```
  */
  literalCode =
    languageTag: text:
    literalMD ''
      ```${languageTag}
      ${text}
      ```'';

  /**
    Text for a default or an example in Markdown.

    # Type
    `literalMD :: String -> { _type, text }`

    # Example
    ```nix
    literalMD "the *usual* one"
    => { _type = "literalMD"; text = "the *usual* one"; }
    ```
  */
  literalMD =
    text:
    if !builtins.isString text then
      throw "literalMD expects a string."
    else
      {
        _type = "literalMD";
        inherit text;
      };
}
