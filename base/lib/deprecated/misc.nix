# Old helpers, one by one. Each has something better in the rest of the library.
{ lib }:
let
  inherit (builtins)
    filter
    foldl'
    getEnv
    head
    isAttrs
    isFunction
    isList
    tail
    ;

  zeroes = n: lib.strings.replicate n "0";

  propagatedBy = x: x.propagatedBuildInputs or [ ] ++ x.propagatedNativeBuildInputs or [ ];
in
rec {
  ## Hashes that are never right

  /**
    A hash to be replaced, in SRI form.
  */
  fakeHash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

  /**
    A hash to be replaced, of type SHA-256.
  */
  fakeSha256 = zeroes 64;

  /**
    A hash to be replaced, of type SHA-512.
  */
  fakeSha512 = zeroes 128;

  ## Values

  /**
    The kind of a value as older versions of Nix named it.
  */
  nixType =
    x:
    if isAttrs x then
      if x ? outPath then "derivation" else "attrs"
    else if isFunction x then
      "function"
    else if builtins.isPath x then
      "string"
    else
      builtins.typeOf x;

  /**
    An environment variable, or a default.
  */
  maybeEnv =
    name: default:
    let
      value = getEnv name;
    in
    if value == "" then default else value;

  /**
    A value if a condition holds, else the empty value of its kind.
  */
  ifEnable =
    cond: value:
    if cond then
      value
    else if isList value then
      [ ]
    else if isAttrs value then
      { }
    else
      null;

  /**
    Parts of a text joined; of the list, each condition is followed by its text.
  */
  condConcat =
    name: list: checker:
    if list == [ ] then
      name
    else if checker (head list) then
      condConcat (name + builtins.elemAt list 1) (tail (tail list)) checker
    else
      condConcat name (tail (tail list)) checker;

  /**
    `imap1` under its old name.
  */
  imap = lib.lists.imap1;

  ## Attribute sets

  /**
    An attribute, or a default.
  */
  maybeAttr =
    name: default: attrs:
    attrs.${name} or default;

  /**
    An attribute of a set that may be null, or a default.
  */
  maybeAttrNullable =
    name: default: attrs:
    if attrs == null then default else attrs.${name} or default;

  /**
    A set with an attribute replaced.
  */
  setAttr =
    set: name: value:
    set // { ${name} = value; };

  /**
    A set with an attribute (or a default) changed by a function.
  */
  setAttrMerge =
    name: default: attrs: f:
    setAttr attrs name (f (maybeAttr name default attrs));

  /**
    A set with one attribute.
  */
  nvs = name: value: { ${name} = value; };

  /**
    A function that gathers arguments in its attribute `merge` until it is called.
  */
  foldArgs =
    merger: f: init: x:
    let
      arg = merger init (defaultMergeArg init x);
      base = setAttrMerge "passthru" { } (f arg) (
        z:
        z
        // {
          function = foldArgs merger f arg;
          args = (lib.attrByPath [ "passthru" "args" ] { } z) // x;
        }
      );
      withStdOverrides = base // {
        override = base.passthru.function;
      };
    in
    withStdOverrides;

  /**
    A set that takes the values of the first for attributes of the second that are in it, by functions.
  */
  defaultMergeArg = x: y: if isAttrs y then y else y (maybeAttr "passthru" { } x);

  /**
    The second set over the first.
  */
  defaultMerge = x: y: x // (defaultMergeArg x y);

  /**
    A function of a set to which sets are added one call after the other.
  */
  modifySumArgs = f: x: innerModifySumArgs f x { };

  /**
    The inside of `modifySumArgs`.
  */
  innerModifySumArgs =
    f: x: a: b:
    if b == null then (f a b) // x else innerModifySumArgs f x (a // b);

  ## Lists

  /**
    The elements that aren't in `acc`, without duplicates.
  */
  uniqList =
    {
      inputList,
      acc ? [ ],
    }:
    lib.lists.unique (filter (x: !builtins.elem x acc) inputList);

  /**
    The elements without those that have the same key as an earlier one.
  */
  uniqListExt =
    {
      inputList,
      outputList ? [ ],
      getter ? (x: x),
      compare ? (x: y: x == y),
    }:
    foldl' (
      found: x: if builtins.any (y: compare (getter x) (getter y)) found then found else found ++ [ x ]
    ) outputList inputList;

  /**
    `genericClosure` without evaluating everything first; the newest come first.
  */
  lazyGenericClosure =
    { startSet, operator }:
    let
      work =
        list: doneKeys: result:
        if list == [ ] then
          result
        else
          let
            x = head list;
          in
          if builtins.elem x.key doneKeys then
            work (tail list) doneKeys result
          else
            work (tail list ++ operator x) ([ x.key ] ++ doneKeys) ([ x ] ++ result);
    in
    work startSet [ ] [ ];

  ## Packages

  /**
    Packages and everything that they propagate.
  */
  closePropagation =
    if builtins ? genericClosure then closePropagationFast else closePropagationSlow;

  /**
    `closePropagation` by `genericClosure`.
  */
  closePropagationFast =
    list:
    map (item: item.val) (
      builtins.genericClosure {
        startSet = map (x: {
          key = x.outPath;
          val = x;
        }) (filter (x: x != null) list);
        operator =
          item:
          if !isAttrs item.val then
            [ ]
          else
            map (x: {
              key = x.outPath;
              val = x;
            }) (filter (x: x != null && x ? outPath) (propagatedBy item.val));
      }
    );

  /**
    `closePropagation` without `genericClosure`.
  */
  closePropagationSlow =
    list:
    uniqList {
      inputList = innerClosePropagation [ ] list;
    };

  /**
    The inside of `closePropagationSlow`.
  */
  innerClosePropagation =
    acc: xs:
    foldl' (
      found: x:
      if x == null || !isAttrs x || builtins.elem x found then
        found
      else
        innerClosePropagation (found ++ [ x ]) (propagatedBy x)
    ) acc xs;

  ## Flags of composable derivations

  /**
    Whether a flag is set, by name, by argument or by configuration.
  */
  checkFlag =
    attrSet: name:
    if name == "true" then
      true
    else if name == "false" then
      false
    else if builtins.elem name (attrSet.flags or [ ]) then
      true
    else
      attrSet.${name} or false;

  /**
    The value of a setting: of the attributes, of the flags' defaults.
  */
  getValue =
    attrSet: argList: name:
    attrSet.${name} or (
      if argList == [ ] then
        null
      else if head (head argList) == name then
        builtins.elemAt (head argList) 1
      else
        getValue attrSet (tail argList) name
    );

  /**
    Whether all requirements of set flags are set as well.
  */
  checkReqs =
    attrSet: argList: condList:
    builtins.all (
      x:
      let
        name = head x;
      in
      !checkFlag attrSet name
      || builtins.all (
        other:
        let
          value = getValue attrSet argList other;
        in
        value != null && value != false
      ) (tail x)
    ) condList;
}
