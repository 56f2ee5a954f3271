# Small derivations: text, scripts, links, one command.
{ lib, stdenv, stdenvNoCC, units, shellcheck ? null }:
let
  runtimeShell = "${units.bash}/bin/bash";

  # What a file is called, be it a path or a package.
  nameOfFile = src: if builtins.isAttrs src then src.name else baseNameOf (builtins.unsafeDiscardStringContext (toString src));

  # runCommandWith { name; stdenv?; runLocal?; derivationArgs?; } command
  runCommandWith = { name, stdenv ? stdenvNoCC, runLocal ? false, derivationArgs ? { } }: buildCommand:
    stdenv.mkDerivation ({
      inherit name buildCommand;
      enableParallelBuilding = true;
      passAsFile = [ "buildCommand" ] ++ (derivationArgs.passAsFile or [ ]);
    } // lib.optionalAttrs (!(derivationArgs ? meta)) {
      pos = let args = builtins.attrNames derivationArgs; in
        if args != [ ] then builtins.unsafeGetAttrPos (builtins.head args) derivationArgs else null;
    } // lib.optionalAttrs runLocal { preferLocalBuild = true; allowSubstitutes = false; }
    // removeAttrs derivationArgs [ "passAsFile" ]);

  runCommand = name: env: runCommandWith { inherit name; derivationArgs = env; };
  runCommandLocal = name: env: runCommandWith { inherit name; runLocal = true; derivationArgs = env; };
  runCommandCC = name: env: runCommandWith { inherit name stdenv; derivationArgs = env; };

  writeTextFile =
    { name ? pname, pname ? null, text, executable ? false, destination ? "", checkPhase ? "", meta ? { }, passthru ? { }
    , allowSubstitutes ? false, preferLocalBuild ? true, derivationArgs ? { } }:
    assert lib.assertMsg (destination != "" -> lib.hasPrefix "/" destination)
      "writeTextFile: destination '${destination}' must be absolute: it is a place in the output";
    let
      matches = builtins.match "/bin/([^/]+)" destination;
    in
    stdenvNoCC.mkDerivation ({
      inherit name text executable checkPhase allowSubstitutes preferLocalBuild destination;
      passAsFile = [ "text" ] ++ (derivationArgs.passAsFile or [ ]);
      buildCommand = ''
        target=$out$destination
        mkdir -p "$(dirname "$target")"
        if [ -e "$textPath" ]; then mv "$textPath" "$target"; else printf '%s' "$text" >"$target"; fi
        if [ -n "$executable" ]; then chmod +x "$target"; fi
        eval "$checkPhase"
      '';
      meta = lib.optionalAttrs (executable && matches != null) { mainProgram = builtins.head matches; } // meta;
      inherit passthru;
    } // removeAttrs derivationArgs [ "passAsFile" ]);

  # The arguments may come one by one or as a set.
  flexible = f: nameOrArgs: if builtins.isAttrs nameOrArgs then f nameOrArgs else text: f { name = nameOrArgs; inherit text; };

  writeText = flexible ({ name, text, ... }@args:
    # A name such as "a/b" would not be a file of the store: only its last part counts.
    writeTextFile (args // { name = baseNameOf name; }));
  writeTextDir = path: text: writeTextFile { inherit text; name = baseNameOf path; destination = "/${path}"; };
  writeScript = flexible (args: writeTextFile (args // { executable = true; }));
  writeScriptBin = flexible ({ name, ... }@args: writeTextFile (args // { executable = true; destination = "/bin/${name}"; }));

  syntaxCheck = "${runtimeShell} -n -O extglob \"$target\"\n";
  writeShellScript = name: text: writeTextFile {
    inherit name;
    executable = true;
    text = "#!${runtimeShell}\n${text}\n";
    checkPhase = syntaxCheck;
  };
  writeShellScriptBin = name: text: writeTextFile {
    inherit name;
    executable = true;
    destination = "/bin/${name}";
    text = "#!${runtimeShell}\n${text}\n";
    checkPhase = syntaxCheck;
    meta.mainProgram = name;
  };

  writeShellApplication =
    { name, text, runtimeInputs ? [ ], runtimeEnv ? null, meta ? { }, passthru ? { }, checkPhase ? null, excludeShellChecks ? [ ]
    , extraShellCheckFlags ? [ ], bashOptions ? [ "errexit" "nounset" "pipefail" ], derivationArgs ? { }, inheritPath ? true }:
    writeTextFile {
      inherit name passthru derivationArgs;
      meta = { mainProgram = name; } // meta;
      executable = true;
      destination = "/bin/${name}";
      text = ''
        #!${runtimeShell}
        ${lib.concatMapStringsSep "\n" (option: "set -o ${option}") bashOptions}
      '' + lib.optionalString (runtimeEnv != null) (lib.concatStrings (lib.mapAttrsToList (n: v: ''
        ${lib.toShellVar n v}
        export ${n}
      '') runtimeEnv))
      + lib.optionalString (runtimeInputs != [ ]) ''

        export PATH="${lib.makeBinPath runtimeInputs}${lib.optionalString inheritPath ":$PATH"}"
      '' + ''

        ${text}
      '';
      checkPhase = if checkPhase != null then checkPhase else syntaxCheck;
    };

  concatTextFile = { name, files, executable ? false, destination ? "", checkPhase ? "", meta ? { }, passthru ? { } }:
    runCommandLocal name { inherit files executable checkPhase meta passthru destination; } ''
      target=$out$destination
      mkdir -p "$(dirname "$target")"
      cat $files >"$target"
      if [ -n "$executable" ]; then chmod +x "$target"; fi
      eval "$checkPhase"
    '';
  concatText = name: files: concatTextFile { inherit name files; };
  concatScript = name: files: concatTextFile { inherit name files; executable = true; };

  # One tree of links to the files of several packages. The first package wins where two have the same file.
  symlinkJoin =
    { name ? if pname != null && version != null then "${pname}-${version}" else throw "symlinkJoin: give a name, or pname and version"
    , pname ? null, version ? null, paths, stripPrefix ? "", preferLocalBuild ? true, allowSubstitutes ? false, postBuild ? "", failOnMissing ? stripPrefix == "", ... }@args:
    let links = lib.concatMap (p: if p == null then [ ] else [ p ]) (lib.flatten paths); in
    stdenvNoCC.mkDerivation (removeAttrs args [ "name" "postBuild" "stripPrefix" "paths" "failOnMissing" ] // {
      inherit name preferLocalBuild allowSubstitutes;
      paths = map (path: "${path}${stripPrefix}") links;
      joined = postBuild;
      passAsFile = [ "buildCommand" "paths" ];
      buildCommand = ''
        mkdir -p "$out"
        for path in $(cat "$pathsPath"); do
          if [ -d "$path" ]; then
            ${units.findutils}/bin/find "$path/" -mindepth 1 -printf '%P\0%y\0' | while IFS= read -r -d "" file && IFS= read -r -d "" type; do
              target=$out/$file
              if [ "$type" = d ]; then
                if [ -L "$target" ] && [ -d "$target" ]; then
                  old=$(readlink "$target")
                  rm "$target"
                  mkdir "$target"
                  ln -s "$old"/* "$target/"
                else
                  mkdir -p "$target"
                fi
              elif [ ! -e "$target" ] && [ ! -L "$target" ]; then
                ln -s "$path/$file" "$target"
              fi
            done
          elif ${lib.boolToString failOnMissing}; then
            echo "error: $path is not a folder that could be joined" >&2
            exit 1
          fi
        done
        eval "$joined"
      '';
    });

  linkFarm = name: entries:
    let
      pairs = if builtins.isAttrs entries then lib.mapAttrsToList (name: path: { inherit name path; }) entries else entries;
      # A later entry of the same name replaces the earlier.
      last = builtins.listToAttrs (map (e: { inherit (e) name; value = e.path; }) pairs);
    in
    runCommandLocal name { passthru.entries = last; } ''
      mkdir -p "$out"
      cd "$out"
      ${lib.concatStrings (lib.mapAttrsToList (link: path: ''
        mkdir -p ${lib.escapeShellArg (dirOf link)}
        ln -s ${lib.escapeShellArg "${path}"} ${lib.escapeShellArg link}
      '') last)}
    '';
  linkFarmFromDrvs = name: drvs: linkFarm name (map (drv: { inherit (drv) name; path = drv; }) drvs);

  makeSetupHook =
    { name ? "hook", propagatedBuildInputs ? [ ], propagatedNativeBuildInputs ? [ ], meta ? { }, passthru ? { }, substitutions ? { } }: script:
    runCommandLocal name
      (substitutions // { inherit meta propagatedBuildInputs propagatedNativeBuildInputs passthru; strictDeps = true; })
      ''
        mkdir -p "$out/nix-support"
        cp ${script} "$out/nix-support/setup-hook"
        chmod +w "$out/nix-support/setup-hook"
        outputDev=out
        _recordPropagated
        ${lib.concatStrings (lib.mapAttrsToList (n: _: ''
          substituteInPlace "$out/nix-support/setup-hook" --subst-var ${n}
        '') substitutions)}
      '';

  # replaceVars FILE { name = value; }: @name@ becomes the value; a null value leaves it; every name must occur, none may be left.
  replaceVarsWith = { src, replacements, dir ? null, isExecutable ? false, name ? null, ... }@args:
    let
      wanted = lib.filterAttrs (_: value: value != null) replacements;
      kept = builtins.attrNames (lib.filterAttrs (_: value: value == null) replacements);
    in
    stdenvNoCC.mkDerivation (removeAttrs args [ "src" "replacements" "dir" "isExecutable" "name" ] // {
      name = if name != null then name else nameOfFile src;
      inherit src;
      preferLocalBuild = true;
      allowSubstitutes = false;
      kept = map (n: "@${n}@") kept;
      buildCommand = ''
        target=$out${lib.optionalString (dir != null) "/${dir}/${if name != null then name else nameOfFile src}"}
        mkdir -p "$(dirname "$target")"
        substitute "$src" "$target" ${lib.escapeShellArgs (lib.concatLists (lib.mapAttrsToList (n: v: [ "--replace-fail" "@${n}@" "${if builtins.isString v then v else toString v}" ]) wanted))}
        ${lib.optionalString isExecutable ''chmod +x "$target"''}
        for left in $(grep -o '@[a-zA-Z_][a-zA-Z0-9_-]*@' "$target" | sort -u); do
          case " $kept " in
            *" $left "*) ;;
            *) echo "error: $src: $left has no value: give it one, or null to leave it" >&2; exit 1 ;;
          esac
        done
      '';
    });
  replaceVars = src: replacements: replaceVarsWith { inherit src replacements; };

  # substituteAll { src; name = value; … }: every @name@ of an attribute becomes its value; others are left.
  substituteAll = { src, name ? nameOfFile src, dir ? null, isExecutable ? false, postInstall ? "", ... }@args:
    stdenvNoCC.mkDerivation (removeAttrs args [ "dir" "isExecutable" "postInstall" ] // {
      inherit name;
      preferLocalBuild = true;
      allowSubstitutes = false;
      buildCommand = ''
        target=$out${lib.optionalString (dir != null) "/${dir}/${name}"}
        mkdir -p "$(dirname "$target")"
        substituteAll "$src" "$target"
        ${lib.optionalString isExecutable ''chmod +x "$target"''}
        ${postInstall}
      '';
    });
  # The same for several files, which become a folder.
  substituteAllFiles = { files, ... }@args:
    stdenvNoCC.mkDerivation ({ name = "substitute-all-files"; } // args // {
      buildCommand = ''
        mkdir -p "$out"
        ${lib.concatMapStrings (file: ''
          mkdir -p "$(dirname "$out/${file}")"
          substituteAll "$src/${file}" "$out/${file}"
        '') files}
      '';
    });

  # A file that lists the store paths of some paths' closures, one a line.
  writeClosure = paths: derivation {
    name = "runtime-deps";
    inherit (stdenvNoCC) system;
    builder = runtimeShell;
    args = [ "-e" "-c" ". \"$NIX_ATTRS_SH_FILE\"; ${units.jq}/bin/jq -r '.graph[].path' \"$NIX_ATTRS_JSON_FILE\" | ${units.coreutils}/bin/sort >\"\${outputs[out]}\"" ];
    __structuredAttrs = true;
    exportReferencesGraph.graph = paths;
    preferLocalBuild = true;
  };

  # A tree as it is, in the store.
  copyPathToStore = builtins.filterSource (_: _: true);
  copyPathsToStore = map copyPathToStore;

  # The unpacked and patched source of a package.
  srcOnly = attrs:
    let args = if builtins.isAttrs attrs && attrs ? drvAttrs then { inherit (attrs) name src; patches = attrs.patches or [ ]; } else attrs; in
    stdenvNoCC.mkDerivation ({
      patches = args.patches or [ ];
      inherit (args) src;
      name = "${args.name}-source";
      phases = [ "unpackPhase" "patchPhase" "installPhase" ];
      installPhase = ''cp -R ./ "$out"'';
      dontFixup = true;
    });

  # A file that everybody has to fetch themselves: its derivation fails with what to do, until the file is in the store.
  requireFile =
    { name ? null, url ? null, message ? null, hash ? null, sha256 ? null, sha1 ? null, hashMode ? "flat" }:
    assert lib.assertMsg (name != null || url != null) "requireFile: give name or url";
    assert lib.assertMsg (message != null || url != null) "requireFile: give message or url";
    assert lib.assertMsg (lib.count (value: value != null) [ hash sha256 sha1 ] == 1) "requireFile: give one of hash, sha256, sha1";
    let
      file = if name != null then name else baseNameOf (toString url);
      algorithm = if hash != null then builtins.head (lib.splitString "-" hash) else if sha256 != null then "sha256" else "sha1";
      text = if message != null then message else ''
        The file ${file} cannot be fetched by a program. Download it from
          ${url}
        and add it to the store:
          nix-store --add-fixed ${algorithm} ${file}
        or
          nix-prefetch-url --type ${algorithm} file:///path/to/${file}
      '';
    in
    stdenvNoCC.mkDerivation {
      name = file;
      outputHashMode = hashMode;
      outputHashAlgo = if hash != null then null else algorithm;
      outputHash = if hash != null then hash else if sha256 != null then sha256 else sha1;
      preferLocalBuild = true;
      allowSubstitutes = false;
      inherit text;
      passAsFile = [ "text" "buildCommand" ];
      buildCommand = ''
        cat "$textPath" >&2
        exit 1
      '';
    };

  applyPatches = { src, name ? (if builtins.isAttrs src && src ? name then src.name else baseNameOf (toString src)) + "-patched", patches ? [ ], prePatch ? "", postPatch ? "", ... }@args:
    stdenvNoCC.mkDerivation (args // {
      inherit name patches prePatch postPatch;
      preferLocalBuild = true;
      allowSubstitutes = false;
      phases = [ "unpackPhase" "patchPhase" "installPhase" ];
      installPhase = ''cp -R ./ "$out"'';
    });
in
{
  inherit runtimeShell runCommandWith runCommand runCommandLocal runCommandCC writeTextFile writeText writeTextDir writeScript writeScriptBin
    writeShellScript writeShellScriptBin writeShellApplication concatTextFile concatText concatScript symlinkJoin linkFarm
    linkFarmFromDrvs makeSetupHook replaceVars replaceVarsWith applyPatches substituteAll substituteAllFiles
    writeClosure copyPathToStore copyPathsToStore srcOnly requireFile;
  emptyFile = runCommandLocal "empty-file" { } ''touch "$out"'';
  emptyDirectory = runCommandLocal "empty-directory" { } ''mkdir -p "$out"'';
}
