# The package set, called as nixpkgs is: `import ./. { system; config; overlays; }`.
{ localSystem ? { }
, system ? localSystem.system or builtins.currentSystem
, crossSystem ? null
, config ? { }
, overlays ? [ ]
, ...
}:
let
  lib = import ../lib;
  platform = lib.systems.elaborate { inherit system; };
  theConfig = if builtins.isFunction config then config { inherit lib; pkgs = set; } else config;

  all = import ./top-level/all-packages.nix { inherit lib system platform; config = theConfig; };
  extra = final: { appendOverlays = more: import ./. { inherit system config; overlays = overlays ++ more; }; extend = overlay: final.appendOverlays [ overlay ]; inherit overlays; };
  set = lib.fix (lib.foldl' (lib.flip lib.extends) (final: all final // extra final) overlays);
in
if system != "x86_64-linux" then
  throw "the embedded base has packages for x86_64-linux, not for '${system}': use nixpkgs for it"
else if crossSystem != null then
  throw "the embedded base does not cross-compile: use nixpkgs for it"
else
  set
