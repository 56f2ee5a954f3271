# mkShell: an environment for `nix develop` and `nix-shell`; building it lists its inputs.
{ lib, stdenv }:
{ name ? "nix-shell", packages ? [ ], inputsFrom ? [ ], buildInputs ? [ ], nativeBuildInputs ? [ ], propagatedBuildInputs ? [ ]
, propagatedNativeBuildInputs ? [ ], shellHook ? "", ... }@args:
let
  # The inputs of other packages, but not those packages themselves.
  from = attr: own: own ++ lib.subtractLists inputsFrom (lib.flatten (map (p: p.${attr} or [ ]) inputsFrom));
in
stdenv.mkDerivation (removeAttrs args [ "packages" "inputsFrom" ] // {
  inherit name;
  buildInputs = from "buildInputs" buildInputs;
  nativeBuildInputs = packages ++ from "nativeBuildInputs" nativeBuildInputs;
  propagatedBuildInputs = from "propagatedBuildInputs" propagatedBuildInputs;
  propagatedNativeBuildInputs = from "propagatedNativeBuildInputs" propagatedNativeBuildInputs;
  shellHook = lib.concatStringsSep "\n" (lib.catAttrs "shellHook" (lib.reverseList inputsFrom ++ [ args ]));
  phases = args.phases or [ "buildPhase" ];
  buildPhase = args.buildPhase or ''
    { echo "# what this environment is made of"
      export
    } >> "$out"
  '';
  preferLocalBuild = args.preferLocalBuild or true;
})
