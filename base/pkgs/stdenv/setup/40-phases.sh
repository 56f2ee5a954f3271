# The phases of a build.

unpackFile() {
  curSrc=$1
  echo "unpacking source archive $curSrc"
  if ! runOneHook unpackCmd "$curSrc"; then
    nixErrorLog "do not know how to unpack source archive $curSrc"
    exit 1
  fi
}

stripHash() {
  local name=${1##*/}
  if [[ $name =~ ^[0-9a-z]{32}- ]]; then name=${name:33}; fi
  printf '%s' "$name"
}

_defaultUnpack() {
  local source=$1 target
  if [ -d "$source" ]; then
    target=$(stripHash "$source")
    cp -r --preserve=mode,timestamps --reflink=auto -- "$source" "$target"
    return
  fi
  case $source in
    *.tar | *.tar.* | *.tgz | *.tbz2 | *.tbz | *.txz)
      tar xf "$source" --mode=+w --warning=no-timestamp
      ;;
    *.zip) unzip -qq "$source" ;;
    *) return 1 ;;
  esac
}
unpackCmdHooks+=(_defaultUnpack)

unpackPhase() {
  runHook preUnpack
  local all=() before after one folder
  if [ -n "${srcs:-}" ] || isArray srcs; then
    concatTo all srcs
  elif [ -n "${src:-}" ]; then
    all=("$src")
  else
    nixErrorLog "variable \$src or \$srcs should point to the source"
    exit 1
  fi
  local -A existed=()
  for one in *; do [ ! -d "$one" ] || existed[$one]=1; done
  for one in "${all[@]}"; do unpackFile "$one"; done
  : "${sourceRoot:=}"
  if [ -n "${setSourceRoot:-}" ]; then
    runOneHook setSourceRoot
  elif [ -z "$sourceRoot" ]; then
    for folder in *; do
      [ -d "$folder" ] && [ -z "${existed[$folder]:-}" ] || continue
      if [ -n "$sourceRoot" ]; then
        nixErrorLog "unpacker produced multiple directories: set sourceRoot to one of them"
        exit 1
      fi
      sourceRoot=$folder
    done
  fi
  if [ -z "$sourceRoot" ]; then
    nixErrorLog "unpacker appears to have produced no directories: set sourceRoot (\".\" for this one)"
    exit 1
  fi
  echo "source root is $sourceRoot"
  [ -n "${dontMakeSourcesWritable:-}" ] || chmod -R u+w -- "$sourceRoot"
  runHook postUnpack
}

patchPhase() {
  runHook prePatch
  local all=() flags=() one reader
  concatTo all patches
  concatTo flags patchFlags=-p1
  for one in "${all[@]}"; do
    echo "applying patch $one"
    case $one in
      *.gz) reader="gzip -d" ;;
      *.bz2) reader="bzip2 -d" ;;
      *.xz) reader="xz -d" ;;
      *) reader=cat ;;
    esac
    $reader <"$one" | patch "${flags[@]}"
  done
  runHook postPatch
}

fixLibtool() {
  local search=
  sed -i -e 's^eval \(sys_lib_search_path=\).*^\1'"${search:-/no-such-path}"'^' -e 's^eval \(sys_lib_.*search_path=\).*^\1^' "$1"
}

# Configuration happens only where there is a configure script.
configurePhase() {
  runHook preConfigure
  : "${configureScript=}"
  if [ -z "$configureScript" ] && [ -x ./configure ]; then configureScript=./configure; fi
  if [ -z "${dontFixLibtool:-}" ]; then
    local file
    while IFS= read -r -d '' file; do fixLibtool "$file"; done < <(find . -type f -name ltmain.sh -print0)
  fi
  if [ -n "$configureScript" ]; then
    local flags=()
    if [ -n "${prefix:=$out}" ] && [ -z "${dontAddPrefix:-}" ]; then flags+=("${prefixKey:---prefix=}$prefix"); fi
    if [ -z "${dontAddDisableDepTrack:-}" ] && grep -q dependency-tracking "$configureScript"; then flags+=(--disable-dependency-tracking); fi
    if [ -z "${dontDisableStatic:-}" ] && grep -q enable-static "$configureScript"; then flags+=(--disable-static); fi
    concatTo flags configureFlags configureFlagsArray
    _outputFlags flags
    echoCmd 'configure flags' "${flags[@]}"
    # The interpreter that the script's first line names is not there.
    local words
    read -r -a words <<<"$configureScript"
    if [ ${#words[@]} = 1 ] && head -n 1 "$configureScript" | grep -q '^#! */bin/\(ba\)\?sh'; then
      "$CONFIG_SHELL" "$configureScript" "${flags[@]}"
    else
      "${words[@]}" "${flags[@]}"
    fi
  else
    echo "no configure script, doing nothing"
  fi
  runHook postConfigure
}

# With several outputs, a configure script is told where each kind of file goes.
_outputFlags() {
  local -n _flags=$1
  [ -z "${setOutputFlags+set}" ] || [ -n "$setOutputFlags" ] || return 0
  local names
  read -r -a names <<<"$(getAllOutputNames)"
  [ ${#names[@]} -gt 1 ] || return 0
  _flags=(--bindir="${!outputBin}/bin" --sbindir="${!outputBin}/sbin" --includedir="${!outputInclude}/include"
    --mandir="${!outputMan}/share/man" --infodir="${!outputInfo}/share/info" --docdir="${!outputDoc}/share/doc/${shareDocName:-${pname:-$name}}"
    --libdir="${!outputLib}/lib" --libexecdir="${!outputLib}/libexec" --localedir="${!outputLib}/share/locale" "${_flags[@]}")
}

_makefile() {
  local file
  for file in "${makefile:-}" GNUmakefile makefile Makefile; do
    [ -z "$file" ] || [ ! -e "$file" ] || return 0
  done
  return 1
}

# _make NAME-OF-PHASE-FLAGS EXTRA...: calls make with the flags of the phase.
_make() {
  local label=$1 flags=()
  shift
  [ -z "${makefile:-}" ] || flags+=(-f "$makefile")
  flags+=("SHELL=$SHELL")
  concatTo flags makeFlags makeFlagsArray "$@"
  echoCmd "$label" "${flags[@]}"
  make "${flags[@]}"
}

_parallel() { [ -z "${!1:-}" ] || printf -- '-j%s' "$NIX_BUILD_CORES"; }

buildPhase() {
  runHook preBuild
  if [ -z "${makeFlags-}" ] && ! _makefile; then
    echo "no Makefile or custom buildPhase, doing nothing"
  else
    local _jobs
    _jobs=$(_parallel enableParallelBuilding)
    _make 'build flags' _jobs buildFlags buildFlagsArray
  fi
  runHook postBuild
}

checkPhase() {
  runHook preCheck
  if ! _makefile; then
    echo "no Makefile or custom checkPhase, doing nothing"
  else
    if [ -z "${checkTarget:-}" ]; then
      if make -n ${makefile:+-f "$makefile"} check >/dev/null 2>&1; then
        checkTarget=check
      elif make -n ${makefile:+-f "$makefile"} test >/dev/null 2>&1; then
        checkTarget=test
      fi
    fi
    if [ -z "${checkTarget:-}" ]; then
      echo "no check/test target in ${makefile:-Makefile}, doing nothing"
    else
      local _jobs
      _jobs=$(_parallel enableParallelChecking)
      _make 'check flags' _jobs checkFlags=VERBOSE=y checkFlagsArray checkTarget
    fi
  fi
  runHook postCheck
}

installPhase() {
  runHook preInstall
  if [ -z "${makeFlags-}" ] && ! _makefile; then
    echo "no Makefile or custom installPhase, doing nothing"
  else
    [ -z "${prefix:-}" ] || mkdir -p "$prefix"
    local _jobs
    _jobs=$(_parallel enableParallelInstalling)
    _make 'install flags' _jobs installFlags installFlagsArray installTargets=install
  fi
  runHook postInstall
}

installCheckPhase() {
  runHook preInstallCheck
  if ! _makefile; then
    echo "no Makefile or custom installCheckPhase, doing nothing"
  elif [ -z "${installCheckTarget:-}" ] && ! make -n ${makefile:+-f "$makefile"} installcheck >/dev/null 2>&1; then
    echo "no installcheck target in ${makefile:-Makefile}, doing nothing"
  else
    local _jobs
    _jobs=$(_parallel enableParallelChecking)
    _make 'installcheck flags' _jobs installCheckFlags installCheckFlagsArray installCheckTarget=installcheck
  fi
  runHook postInstallCheck
}

distPhase() {
  runHook preDist
  _make 'dist flags' distFlags distFlagsArray distTarget=dist
  if [ -z "${dontCopyDist:-}" ]; then
    mkdir -p "$out/tarballs"
    local all=()
    concatTo all tarballs='*.tar.gz'
    cp -pvd -- ${all[@]} "$out/tarballs"
  fi
  runHook postDist
}
