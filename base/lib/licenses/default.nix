# Licences for `meta.license`, and expressions made of them.
#
# A licence is a set: `shortName`, `fullName`, `free` (as in freedom), `redistributable` (whether what is built may be
# passed on), `deprecated`, and where there are any `spdxId` and `url`.
{ lib }:
let
  kinds = {
    spdx = spdxId: fullName: {
      inherit spdxId fullName;
      url = "https://spdx.org/licenses/${spdxId}.html";
    };
    other = fullName: url: { inherit fullName url; };

    unfree =
      license:
      license
      // {
        free = false;
        redistributable = false;
      };
    redistributable =
      license:
      license
      // {
        free = false;
        redistributable = true;
      };
    deprecated = license: license // { deprecated = true; };
  };

  complete =
    name: license:
    {
      shortName = name;
      licenseType = "simple";
      free = true;
      redistributable = license.free or true;
      deprecated = false;
    }
    // license;
in
builtins.mapAttrs complete (import ./spdx.nix kinds // import ./others.nix kinds)
// import ./expressions.nix { inherit lib; }
