# After installation: what makes an output fit for the store.

# Which output takes which kind of file: outputBin, outputDev, … default to an output of that name, then to "out".
_assignOutput() {
  local variable=$1 candidate
  shift
  [ -z "${!variable:-}" ] || return 0
  for candidate in "$@"; do
    if [ -n "${!candidate:-}" ] && [[ " $(getAllOutputNames)" == *" $candidate "* ]]; then
      printf -v "$variable" '%s' "$candidate"
      return 0
    fi
  done
  printf -v "$variable" '%s' out
}
_assignOutput outputDev dev out
_assignOutput outputBin bin out
_assignOutput outputInclude "$outputDev"
_assignOutput outputLib lib out
_assignOutput outputDoc doc out
_assignOutput outputDevdoc devdoc doc out
_assignOutput outputMan man "$outputBin"
_assignOutput outputDevman devman devdoc "$outputMan"
_assignOutput outputInfo info "$outputBin"

# moveToOutput PATTERN OUTPUT: moves matching files of all outputs to one of them.
moveToOutput() {
  local pattern=$1 target=$2 name file
  for name in $(getAllOutputNames); do
    [ "${!name}" != "$target" ] && [ -d "${!name}" ] || continue
    for file in "${!name}"/$pattern; do
      [ -e "$file" ] || [ -L "$file" ] || continue
      local relative=${file#"${!name}"/}
      if [ "$target" = REMOVE ]; then
        rm -rf -- "$file"
        continue
      fi
      mkdir -p "$target/$(dirname "$relative")"
      if [ -d "$file" ] && [ -d "$target/$relative" ] && [ ! -L "$file" ]; then
        cp -a -- "$file/." "$target/$relative/"
        rm -rf -- "$file"
      else
        mv -- "$file" "$target/$relative"
      fi
      rmdir -p --ignore-fail-on-non-empty -- "$(dirname "$file")" 2>/dev/null || true
    done
  done
}

_multioutDocs() {
  local names
  read -r -a names <<<"$(getAllOutputNames)"
  [ ${#names[@]} -gt 1 ] || return 0
  moveToOutput share/man "${!outputMan}"
  moveToOutput share/info "${!outputInfo}"
  moveToOutput share/doc "${!outputDoc}"
  [ -n "${dontMoveDev:-}" ] || _multioutDev
}
_multioutDev() {
  [ "${!outputDev}" != "$out" ] || return 0
  moveToOutput include "${!outputInclude}"
  moveToOutput lib/pkgconfig "${!outputDev}"
  moveToOutput share/pkgconfig "${!outputDev}"
  moveToOutput lib/cmake "${!outputDev}"
  moveToOutput share/aclocal "${!outputDev}"
  local file
  for file in "${!outputDev}"/{lib,share}/pkgconfig/*.pc; do
    [ ! -f "$file" ] || sed -i "/^includedir=/s,^.*,includedir=${!outputInclude}/include," "$file"
  done
}

# Old places of things go where they belong today.
_moveOldFolders() {
  [ -z "${dontMoveSbin:-}" ] && [ -d "$prefix/sbin" ] && [ ! -L "$prefix/sbin" ] && {
    mkdir -p "$prefix/bin"
    mv -- "$prefix"/sbin/* "$prefix/bin/" 2>/dev/null || true
    rmdir "$prefix/sbin" && ln -s bin "$prefix/sbin"
  }
  [ -z "${dontMoveLib64:-}" ] && [ -d "$prefix/lib64" ] && [ ! -L "$prefix/lib64" ] && {
    mkdir -p "$prefix/lib"
    mv -- "$prefix"/lib64/* "$prefix/lib/" 2>/dev/null || true
    rmdir "$prefix/lib64" && ln -s lib "$prefix/lib64"
  }
  local kind
  for kind in man doc info; do
    [ ! -d "$prefix/$kind" ] || [ -L "$prefix/$kind" ] || { mkdir -p "$prefix/share" && mv -- "$prefix/$kind" "$prefix/share/"; }
  done
  return 0
}

_compressMan() {
  [ -z "${dontGzipMan:-}" ] && [ -d "$prefix/share/man" ] || return 0
  find "$prefix/share/man" -type f ! -name '*.gz' ! -name '*.bz2' ! -name '*.xz' -print0 | xargs -0 -r gzip -n -f
  local link target
  while IFS= read -r -d '' link; do
    target=$(readlink -- "$link")
    [ -e "$link" ] || { ln -s -- "$target.gz" "$link.gz" && rm -- "$link"; }
  done < <(find "$prefix/share/man" -type l -print0)
}

# isELF FILE, isScript FILE: by the first bytes.
isELF() {
  local magic
  IFS= LC_ALL=C read -r -d '' -n 4 magic <"$1" 2>/dev/null || true
  [[ $magic == $'\177ELF' ]]
}
isScript() {
  local magic
  IFS= LC_ALL=C read -r -d '' -n 2 magic <"$1" 2>/dev/null || true
  [[ $magic == '#!' ]]
}

stripDirs() {
  local tool=$1 paths=$2 flags=$3 folder list=()
  for folder in $paths; do [ ! -d "$prefix/$folder" ] || list+=("$prefix/$folder"); done
  [ ${#list[@]} -gt 0 ] || return 0
  echo "stripping (with $tool and flags $flags) in ${list[*]}"
  find "${list[@]}" -type f -print0 | xargs -0 -r -n 64 -P "$NIX_BUILD_CORES" "$tool" $flags 2>/dev/null || true
}
_doStrip() {
  [ -z "${dontStrip:-}" ] || return 0
  type -p strip >/dev/null || return 0
  [ -n "${dontStripAll:-}" ] || stripDirs strip "${stripAllList:-}" "${stripAllFlags:--s -p}"
  stripDirs strip "${stripDebugList:-lib lib32 lib64 libexec bin sbin}" "${stripDebugFlags:--S -p}"
}

# patchShebangs [--build|--host|--update] PATH...: makes scripts name interpreters in the store.
patchShebangs() {
  local search=PATH update=
  while [[ ${1:-} == --* ]]; do
    case $1 in
      --host) search=HOST_PATH ;;
      --build) search=PATH ;;
      --update) update=1 ;;
      --) shift; break ;;
      *)
        nixErrorLog "patchShebangs: unknown option '$1'"
        return 1
        ;;
    esac
    shift
  done
  [ $# -gt 0 ] || { nixWarnLog "patchShebangs: no files given"; return 0; }
  echo "patching script interpreter paths in $*"
  local file line interpreter args program found
  while IFS= read -r -d '' file; do
    isScript "$file" || continue
    IFS= read -r line <"$file" || true
    line=${line#'#!'}
    read -r interpreter args <<<"$line"
    [[ -n $interpreter ]] || continue
    [ -n "$update" ] || [[ $interpreter != "$NIX_STORE"/* ]] || continue
    if [ "${interpreter##*/}" = env ]; then
      if [[ $args == -S\ * ]]; then args=${args#-S }; elif [[ $args == -* || $args == *=* ]]; then
        nixErrorLog "$file: unsupported interpreter directive '$line' (set dontPatchShebangs=1 and handle it yourself)"
        return 1
      fi
      read -r program args <<<"$args"
    else
      program=${interpreter##*/}
    fi
    found=$(PATH=${!search:-$PATH} type -P "$program" || PATH=$PATH type -P "$program" || true)
    [ -n "$found" ] || continue
    local stamp mode
    stamp=$(stat -c %y -- "$file") mode=$(stat -c %a -- "$file")
    chmod u+w -- "$file"
    echo "$file: interpreter directive changed from \"$line\" to \"$found${args:+ $args}\""
    local rest
    { printf '#!%s%s\n' "$found" "${args:+ $args}"; tail -n +2 -- "$file"; } >"$file.patched-interpreter"
    cat -- "$file.patched-interpreter" >"$file"
    rm -- "$file.patched-interpreter"
    chmod "$mode" -- "$file"
    touch --date "$stamp" -- "$file"
  done < <(find "$@" -type f -perm -0100 -print0)
}

# Drops what a run path does not need: folders outside the store and those without a needed library.
_shrinkRpaths() {
  [ -z "${dontPatchELF:-}" ] && type -p patchelf >/dev/null || return 0
  local file
  while IFS= read -r -d '' file; do
    isELF "$file" || continue
    patchelf --shrink-rpath --allowed-rpath-prefixes "$NIX_STORE" "$file" 2>/dev/null || true
  done < <(find "$prefix" -type f \( -perm -0100 -o -name '*.so*' \) -print0)
}

# A reference to the build folder would be dangling.
_auditTmpdir() {
  [ -z "${noAuditTmpdir:-}" ] || return 0
  local file
  while IFS= read -r -d '' file; do
    if isELF "$file" && type -p patchelf >/dev/null && patchelf --print-rpath "$file" 2>/dev/null | grep -q -F "$TMPDIR/"; then
      nixErrorLog "RPATH of $file contains a forbidden reference to $TMPDIR/"
      exit 1
    fi
  done < <(find "$prefix" -type f -perm -0100 -print0)
}

fixupPhase() {
  local name
  for name in $(getAllOutputNames); do
    [ ! -e "${!name}" ] || chmod -R u+w,u-s,g-s -- "${!name}"
  done
  runHook preFixup
  _multioutDocs
  for name in $(getAllOutputNames); do
    [ -e "${!name}" ] && [ -d "${!name}" ] || continue
    local prefix=${!name}
    _moveOldFolders
    _doStrip
    [ -n "${dontPatchShebangs:-}" ] || patchShebangs --host "$prefix"
    _shrinkRpaths
    _auditTmpdir
    _compressMan
    runHook fixupOutput
  done
  _recordPropagated
  [ -z "${setupHook:-}" ] || { mkdir -p "${!outputDev}/nix-support" && substituteAll "$setupHook" "${!outputDev}/nix-support/setup-hook"; }
  if [ -n "${setupHooks:-}" ]; then
    local hook
    mkdir -p "${!outputDev}/nix-support"
    for hook in $setupHooks; do
      local content
      consumeEntire content <"$hook"
      substituteAllStream content "$hook" >>"${!outputDev}/nix-support/setup-hook"
    done
  fi
  runHook postFixup
}
substituteAllStream() {
  local _n=$1 name args=()
  while IFS='=' read -r -d '' name _; do
    [[ $name =~ ^[a-z][a-zA-Z0-9_]*$ ]] && args+=(--subst-var "$name")
  done < <(env -0)
  substituteStream "$_n" "file '$2'" "${args[@]}"
}

# What the package propagates is written down where a later build finds it.
_recordPropagated() {
  local list=() target=${!outputDev}
  concatTo list propagatedNativeBuildInputs
  if [ ${#list[@]} -gt 0 ]; then
    mkdir -p "$target/nix-support"
    printf '%s ' "${list[@]}" >"$target/nix-support/propagated-native-build-inputs"
  fi
  list=()
  concatTo list propagatedBuildInputs
  # A development output brings the libraries along.
  if [ "$target" != "$out" ] && [ -z "${propagatedBuildOutputs+set}" ]; then list+=("$out"); fi
  if [ ${#list[@]} -gt 0 ]; then
    mkdir -p "$target/nix-support"
    printf '%s ' "${list[@]}" >"$target/nix-support/propagated-build-inputs"
  fi
  list=()
  concatTo list propagatedUserEnvPkgs
  if [ ${#list[@]} -gt 0 ]; then
    mkdir -p "${!outputBin}/nix-support"
    printf '%s ' "${list[@]}" >"${!outputBin}/nix-support/propagated-user-env-packages"
  fi
}
