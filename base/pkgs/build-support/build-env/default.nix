# buildEnv: a profile-like tree of links; two packages of one priority with the same file are an error, but where
# `ignoreCollisions` is set the first wins.
{ lib, stdenvNoCC, symlinkJoin }:
{ name ? "${args.pname}-${args.version}", paths, pathsToLink ? [ "/" ], extraOutputsToInstall ? [ ], ignoreCollisions ? false
, extraPrefix ? "", postBuild ? "", meta ? { }, passthru ? { }, buildInputs ? [ ], nativeBuildInputs ? [ ], includeClosures ? false, ... }@args:
let
  outputsOf = drv:
    let
      wanted = if builtins.isAttrs drv && !(drv.outputSpecified or false) && drv ? meta.outputsToInstall then drv.meta.outputsToInstall else [ null ];
      extra = builtins.filter (o: builtins.isAttrs drv && drv ? ${o}) extraOutputsToInstall;
      pick = o: if o == null then drv else drv.${o};
    in
    { paths = map (o: "${pick o}") (lib.unique (wanted ++ extra)); priority = drv.meta.priority or 5; };
in
stdenvNoCC.mkDerivation {
  inherit name meta passthru buildInputs nativeBuildInputs extraPrefix;
  preferLocalBuild = true;
  allowSubstitutes = false;
  pathsToLink = pathsToLink;
  ignoreCollisions = if ignoreCollisions == true then "1" else "";
  chosen = map (p: let o = outputsOf p; in "${toString o.priority}:${lib.concatStringsSep "," o.paths}") (lib.filter (p: p != null) (lib.flatten paths));
  inherit postBuild;
  passAsFile = [ "buildCommand" "chosen" ];
  buildCommand = builtins.readFile ./build-env.sh;
}
