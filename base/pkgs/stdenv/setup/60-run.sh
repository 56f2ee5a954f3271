# Running the phases.

# The order of the phases, unless the derivation names its own.
definePhases() {
  if [ -z "${phases[*]:-}" ]; then
    local list=()
    concatTo list prePhases
    list+=(unpackPhase patchPhase)
    concatTo list preConfigurePhases
    list+=(configurePhase)
    concatTo list preBuildPhases
    list+=(buildPhase checkPhase)
    concatTo list preInstallPhases
    list+=(installPhase)
    concatTo list preFixupPhases
    list+=(fixupPhase installCheckPhase)
    concatTo list preDistPhases
    list+=(distPhase)
    concatTo list postPhases
    phases=${list[*]}
  fi
}

_phaseIsOff() {
  case $1 in
    unpackPhase) [ -n "${dontUnpack:-}" ] ;;
    patchPhase) [ -n "${dontPatch:-}" ] ;;
    configurePhase) [ -n "${dontConfigure:-}" ] ;;
    buildPhase) [ -n "${dontBuild:-}" ] ;;
    checkPhase) [ -z "${doCheck:-}" ] ;;
    installPhase) [ -n "${dontInstall:-}" ] ;;
    fixupPhase) [ -n "${dontFixup:-}" ] ;;
    installCheckPhase) [ -z "${doInstallCheck:-}" ] ;;
    distPhase) [ -z "${doDist:-}" ] ;;
    *) return 1 ;;
  esac
}

runPhase() {
  local curPhase=$1
  shift
  ! _phaseIsOff "$curPhase" || return 0
  showPhaseHeader "$curPhase"
  local start=$SECONDS
  # A variable of that name wins over the function.
  if [ -n "${!curPhase:-}" ]; then eval "${!curPhase}"; else "$curPhase"; fi
  if [ "$curPhase" = unpackPhase ]; then
    [ -z "${sourceRoot:-}" ] || chmod +x -- "$sourceRoot"
    cd -- "${sourceRoot:-.}"
  fi
  local took=$((SECONDS - start))
  [ "$took" -lt 30 ] || echo "$curPhase took $((took / 60)) min $((took % 60)) s"
}

genericBuild() {
  export GZIP_NO_TIMESTAMPS=1
  if [ -n "${buildCommandPath:-}" ]; then
    source "$buildCommandPath"
    return
  fi
  if [ -n "${buildCommand:-}" ]; then
    eval "$buildCommand"
    return
  fi
  definePhases
  local phase
  for phase in ${phases[*]}; do runPhase "$phase"; done
}

runHook postHook
runHook userHook
