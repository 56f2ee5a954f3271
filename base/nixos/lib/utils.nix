# Helpers of the modules, as the module argument `utils`.
{ lib, pkgs }:
let
  inherit (pkgs) units;
in
rec {
  # A derivation whose builder is a few lines of bash with coreutils: `attrs` arrive as .attrs.sh (strings, lists,
  # sets of strings). Needs no standard environment, so that the many small parts of a machine are made quickly.
  quick = name: attrs: script: derivation ({
    inherit name;
    system = "x86_64-linux";
    builder = "${units.bash}/bin/bash";
    args = [ "-e" quickBuilder ];
    path = lib.makeBinPath ([ units.coreutils ] ++ attrs.tools or [ ]);
    inherit script;
    __structuredAttrs = true;
    preferLocalBuild = true;
    allowSubstitutes = false;
  } // removeAttrs attrs [ "tools" ]);

  quickBuilder = builtins.toFile "quick-builder.sh"
    "source \"$NIX_ATTRS_SH_FILE\"\nexport PATH=$path\nout=\${outputs[out]}\n${header}eval \"$script\"\n";

  # What every such builder may call: writing a set of texts, linking a set of files.
  header = ''
    set -o pipefail
    foldersOf() { local -n _set=$1; local n; for n in "''${!_set[@]}"; do [[ $n != */* ]] || printf '%s/%s\0' "$2" "''${n%/*}"; done; }
    writeTexts() { local -n _texts=$1; local n; mkdir -p "$2"; foldersOf "$1" "$2" | sort -zu | xargs0 mkdir -p
      for n in "''${!_texts[@]}"; do printf '%s' "''${_texts[$n]}" >"$2/$n"; done; }
    linkFiles() { local -n _files=$1; local n; mkdir -p "$2"; foldersOf "$1" "$2" | sort -zu | xargs0 mkdir -p
      for n in "''${!_files[@]}"; do rm -f "$2/$n"; ln -s "''${_files[$n]}" "$2/$n"; done; }
    xargs0() { local all; mapfile -d "" all; [ ''${#all[@]} = 0 ] || "$@" "''${all[@]}"; }
  '';

  # A name as systemd writes it in the names of units: `/var/lib` is `var-lib`.
  escapeSystemdPath = s:
    let
      plain = lib.removePrefix "/" (lib.removeSuffix "/" (builtins.replaceStrings [ "//" ] [ "/" ] s));
      escaped = lib.stringAsChars
        (c: if c == "/" then "-" else if builtins.match "[a-zA-Z0-9:_.]" c != null then c else hex c)
        plain;
    in
    if plain == "" then "-" else if lib.hasPrefix "." escaped then "\\x2e${lib.removePrefix "." escaped}" else escaped;
  hex = c: "\\x" + lib.fixedWidthString 2 "0" (lib.toLower (lib.toHexString (lib.strings.charToInt c)));
  escapeSystemdExecArg = arg:
    let text = if builtins.isPath arg then "${arg}" else toString arg;
    in builtins.replaceStrings [ "%" "$" ] [ "%%" "$$" ] (builtins.toJSON text);
  escapeSystemdExecArgs = lib.concatMapStringsSep " " escapeSystemdExecArg;

  # Whether a file system has to be there before systemd starts.
  pathsNeededForBoot = [ "/" "/nix" "/nix/store" "/var" "/var/log" "/var/lib" "/var/lib/nixos" "/etc" "/usr" ];
  fsNeededForBoot = fs: fs.neededForBoot || builtins.elem fs.mountPoint pathsNeededForBoot;

  toShellPath = shell:
    if lib.types.shellPackage.check shell then "/run/current-system/sw${shell.shellPath}"
    else if lib.types.package.check shell then throw "${shell} is not a shell package: it has no attribute shellPath"
    else shell;

  removePackagesByName = packages: names: builtins.filter (p: !builtins.elem (lib.getName p) (map lib.getName names)) packages;
  systemdUtils = import ./systemd.nix { inherit lib pkgs; };
}
