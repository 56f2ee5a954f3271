# What packages say about themselves: names, priorities, platforms, licences, main programs.
{ lib }:
let
  inherit (builtins)
    any
    isString
    mapAttrs
    parseDrvName
    ;
  inherit (lib.attrsets) isDerivation;

  # SPDX identifiers in lower case, for finding them whatever their case.
  byLowerId = lib.attrsets.mapAttrs' (id: license: {
    name = lib.strings.toLower id;
    value = license;
  }) licensesSpdx;

  # Where several have one identifier, the one that isn't deprecated counts.
  licensesSpdx =
    let
      known = builtins.filter (license: builtins.isAttrs license && license ? spdxId) (
        builtins.attrValues lib.licenses
      );
      byId = licenses: builtins.listToAttrs (map (license: { name = license.spdxId; value = license; }) licenses);
    in
    byId known // byId (builtins.filter (license: !(license.deprecated or false)) known);
in
rec {
  /**
    The derivation with attributes of `meta` added or replaced.

    # Type
    `addMetaAttrs :: AttrSet -> Derivation -> Derivation`

    # Example
    ```nix
    (addMetaAttrs { description = "x"; } { name = "n"; }).meta
    => { description = "x"; }
    ```
  */
  addMetaAttrs =
    newAttrs: drv:
    if drv ? overrideAttrs then
      drv.overrideAttrs (old: {
        meta = (old.meta or { }) // newAttrs;
      })
    else
      drv // { meta = (drv.meta or { }) // newAttrs; };

  /**
    The derivation, marked so that build farms leave it out.

    # Type
    `dontDistribute :: Derivation -> Derivation`

    # Example
    ```nix
    (dontDistribute { name = "n"; }).meta
    => { hydraPlatforms = [ ]; }
    ```
  */
  dontDistribute = addMetaAttrs { hydraPlatforms = [ ]; };

  /**
    The derivation under another name (which makes it another derivation).

    # Type
    `setName :: String -> Derivation -> Derivation`
  */
  setName = name: drv: drv // { inherit name; };

  /**
    The derivation under a name made of the old one.

    # Type
    `updateName :: (String -> String) -> Derivation -> Derivation`

    # Example
    ```nix
    (updateName (old: old + "-experimental") { name = "n"; }).name
    => "n-experimental"
    ```
  */
  updateName = updater: drv: drv // { name = updater drv.name; };

  /**
    Adds a suffix to the name, before the version.

    # Type
    `appendToName :: String -> Derivation -> Derivation`

    # Example
    ```nix
    (appendToName "light" { name = "hello-1.0"; }).name
    => "hello-light-1.0"
    ```
  */
  appendToName =
    suffix:
    updateName (
      name:
      let
        parsed = parseDrvName name;
      in
      "${parsed.name}-${suffix}" + (if parsed.version == "" then "" else "-${parsed.version}")
    );

  /**
    Maps the derivations in a set; other attributes stay.

    # Type
    `mapDerivationAttrset :: (Derivation -> a) -> AttrSet -> AttrSet`

    # Example
    ```nix
    mapDerivationAttrset (d: d.name) { a = { type = "derivation"; name = "n"; }; b = 1; }
    => { a = "n"; b = 1; }
    ```
  */
  mapDerivationAttrset = f: mapAttrs (_: pkg: if isDerivation pkg then f pkg else pkg);

  /**
    The priority of a package that states none.

    # Type
    `defaultPriority :: Int`
  */
  defaultPriority = 5;

  /**
    Sets the priority with which a package's files win over others' in a profile; lower numbers win.

    # Type
    `setPrio :: Int -> Derivation -> Derivation`

    # Example
    ```nix
    (setPrio 1 { name = "n"; }).meta.priority
    => 1
    ```
  */
  setPrio = priority: addMetaAttrs { inherit priority; };

  /**
    Lets other packages win over this one.

    # Type
    `lowPrio :: Derivation -> Derivation`

    # Example
    ```nix
    (lowPrio { name = "n"; }).meta.priority
    => 10
    ```
  */
  lowPrio = setPrio 10;

  /**
    `lowPrio` for every derivation of a set.

    # Type
    `lowPrioSet :: { [String] :: Derivation } -> { [String] :: Derivation }`
  */
  lowPrioSet = mapDerivationAttrset lowPrio;

  /**
    Lets this package win over others.

    # Type
    `hiPrio :: Derivation -> Derivation`

    # Example
    ```nix
    (hiPrio { name = "n"; }).meta.priority
    => (-10)
    ```
  */
  hiPrio = setPrio (-10);

  /**
    `hiPrio` for every derivation of a set.

    # Type
    `hiPrioSet :: { [String] :: Derivation } -> { [String] :: Derivation }`
  */
  hiPrioSet = mapDerivationAttrset hiPrio;

  /**
    Whether a platform is what an element of `meta.platforms` means: a system as a string, or a pattern of a
    platform or of its `parsed` part.

    # Type
    `platformMatch :: Platform -> String | AttrSet -> Bool`

    # Example
    ```nix
    meta.platformMatch { system = "aarch64-darwin"; } "aarch64-darwin"
    => true
    ```
  */
  platformMatch =
    platform: elem:
    if isString elem then
      platform ? system && elem == platform.system
    else
      lib.attrsets.matchAttrs (if elem ? parsed then elem else { parsed = elem; }) platform;

  /**
    Whether a package can be used on a platform: one of its `meta.platforms` (if it states any) matches, and
    none of its `meta.badPlatforms`.

    # Type
    `availableOn :: Platform -> Derivation -> Bool`

    # Example
    ```nix
    meta.availableOn { system = "x86_64-linux"; } { meta.badPlatforms = [ "x86_64-linux" ]; }
    => false
    ```
  */
  availableOn =
    platform: pkg:
    let
      matches = any (platformMatch platform);
    in
    (!pkg ? meta.platforms || matches pkg.meta.platforms)
    && (!pkg ? meta.badPlatforms || !matches pkg.meta.badPlatforms);

  /**
    The licences of `lib.licenses` by their SPDX identifiers.

    # Type
    `licensesSpdx :: { [String] :: License }`

    # Example
    ```nix
    meta.licensesSpdx.MIT.fullName
    => "MIT License"
    ```
  */
  inherit licensesSpdx;

  /**
    The licence with an SPDX identifier, in any case; else a set with that text as its only attribute
    `shortName`, with a warning.

    # Type
    `getLicenseFromSpdxId :: String -> License`

    # Example
    ```nix
    (getLicenseFromSpdxId "mIt").spdxId
    => "MIT"
    ```
  */
  getLicenseFromSpdxId =
    licstr:
    getLicenseFromSpdxIdOr licstr (
      lib.trivial.warn "getLicenseFromSpdxId: No license matches the given SPDX ID: ${licstr}" {
        shortName = licstr;
        spdxId = licstr;
      }
    );

  /**
    The licence with an SPDX identifier, in any case; else the default.

    # Type
    `getLicenseFromSpdxIdOr :: String -> a -> License | a`

    # Example
    ```nix
    getLicenseFromSpdxIdOr "no such licence" null
    => null
    ```
  */
  getLicenseFromSpdxIdOr = licstr: default: byLowerId.${lib.strings.toLower licstr} or default;

  /**
    The path of a package's main program, the one `meta.mainProgram` names.

    # Type
    `getExe :: Derivation -> String`

    # Example
    ```nix
    getExe { type = "derivation"; name = "n-1"; outPath = "/n"; meta.mainProgram = "prog"; }
    => "/n/bin/prog"
    ```
  */
  getExe =
    x:
    getExe' x (
      x.meta.mainProgram or (
        # The name was the rule once.
        lib.trivial.warn
          "getExe: Package ${
            lib.strings.escapeNixString (x.meta.name or x.pname or x.name)
          } does not have the meta.mainProgram attribute. For now its name is taken for the program's, which is deprecated because it is often wrong. If the package has a main program, set `meta.mainProgram` in it; otherwise name the program, as in lib.getExe' foo \"bar\"."
          (lib.strings.getName x)
      )
    );

  /**
    The path of a program of a package.

    # Type
    `getExe' :: Derivation -> String -> String`

    # Example
    ```nix
    getExe' { type = "derivation"; outPath = "/n"; } "prog"
    => "/n/bin/prog"
    ```
  */
  getExe' =
    x: y:
    assert lib.assertMsg (isDerivation x)
      "lib.meta.getExe': The first argument is of type ${builtins.typeOf x}, but it should be a derivation instead.";
    assert lib.assertMsg (isString y)
      "lib.meta.getExe': The second argument is of type ${builtins.typeOf y}, but it should be a string instead.";
    assert lib.assertMsg (builtins.match ".*/.*" y == null)
      "lib.meta.getExe': The second argument \"${y}\" is a nested path with a \"/\" character, but it should just be the name of the executable instead.";
    "${lib.attrsets.getBin x}/bin/${y}";

  /**
    The parts of a CPE (a name in vulnerability databases) for a vendor and a full version.

    # Type
    `cpeFullVersionWithVendor :: String -> String -> { update :: String; vendor :: String; version :: String; }`

    # Example
    ```nix
    meta.cpeFullVersionWithVendor "gnu" "1.2.3"
    => { update = "*"; vendor = "gnu"; version = "1.2.3"; }
    ```
  */
  cpeFullVersionWithVendor = vendor: version: {
    inherit vendor version;
    update = "*";
  };
}
