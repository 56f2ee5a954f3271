# Inputs: PATH, setup hooks and environment hooks of the packages that the derivation names.

export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-315532800}
export NIX_BUILD_TOP=${NIX_BUILD_TOP:-$PWD}
export CONFIG_SHELL=${CONFIG_SHELL:-$SHELL}

declare -ga envHostTargetHooks=() envBuildBuildHooks=() envBuildHostHooks=() envHostHostHooks=() envTargetTargetHooks=() envBuildTargetHooks=()
declare -ga pkgsNative=() pkgsHost=()
declare -gA _seenInputs=()

# addEnvHooks OFFSET FUNCTION...: calls FUNCTION with the folder of every input.
# Firn builds natively only, so that the offset does not matter.
addEnvHooks() {
  shift
  envHostTargetHooks+=("$@")
}

# The tools that every build has come first in the search path's order of age: inputs of the derivation go before them.
PATH=
for _dir in $initialPath; do
  addToSearchPath PATH "$_dir/bin"
done
_initialPATH=$PATH
PATH=
HOST_PATH=

# findInput FOLDER native|host: notes a package and what it propagates.
findInput() {
  local package=$1 role=$2
  [ -n "$package" ] || return 0
  [ -z "${_seenInputs[$role:$package]:-}" ] || return 0
  _seenInputs[$role:$package]=1
  if [ ! -e "$package" ]; then
    nixErrorLog "build input $package does not exist"
    exit 1
  fi
  if [ "$role" = native ]; then pkgsNative+=("$package"); else pkgsHost+=("$package"); fi
  local file kind dep deps
  for kind in native:propagated-native-build-inputs host:propagated-build-inputs; do
    file=$package/nix-support/${kind#*:}
    [ -f "$file" ] || continue
    read -r -d '' -a deps <"$file" || true
    for dep in "${deps[@]}"; do findInput "$dep" "${kind%%:*}"; done
  done
  if [ -f "$package/nix-support/propagated-user-env-packages" ]; then :; fi
}

# Sources an input's setup hook and puts its programs into the search path.
activatePackage() {
  local package=$1 role=$2
  if [ -f "$package" ]; then
    source "$package"
    return 0
  fi
  if [ "$role" = native ] || [ -z "${strictDeps:-}" ]; then
    addToSearchPath PATH "$package/bin"
  fi
  if [ "$role" = host ]; then
    addToSearchPath HOST_PATH "$package/bin"
  fi
  if [ -d "$package/share" ]; then
    addToSearchPath XDG_DATA_DIRS "$package/share"
  fi
  if [ -f "$package/nix-support/setup-hook" ] && [ -z "${_seenInputs[hook:$package]:-}" ]; then
    _seenInputs[hook:$package]=1
    source "$package/nix-support/setup-hook"
  fi
}

_findAllInputs() {
  local list=() package
  concatTo list depsBuildBuild nativeBuildInputs depsBuildTarget depsBuildBuildPropagated propagatedNativeBuildInputs depsBuildTargetPropagated
  for package in $defaultNativeBuildInputs "${list[@]}"; do findInput "$package" native; done
  list=()
  concatTo list depsHostHost buildInputs depsTargetTarget depsHostHostPropagated propagatedBuildInputs depsTargetTargetPropagated
  for package in $defaultBuildInputs "${list[@]}"; do findInput "$package" host; done
}
_findAllInputs

for _package in "${pkgsNative[@]}"; do activatePackage "$_package" native; done
for _package in "${pkgsHost[@]}"; do activatePackage "$_package" host; done

_callEnvHooks() {
  local package hook
  local -A done=()
  for package in "${pkgsNative[@]}" "${pkgsHost[@]}"; do
    [ -d "$package" ] && [ -z "${done[$package]:-}" ] || continue
    done[$package]=1
    for hook in "${envHostTargetHooks[@]}"; do "$hook" "$package"; done
  done
}
_callEnvHooks

PATH=${PATH:+$PATH:}$_initialPATH
export PATH HOST_PATH XDG_DATA_DIRS
unset _dir _package _initialPATH

# A path that build tools may look for and must not find.
export NIX_SSL_CERT_FILE=${NIX_SSL_CERT_FILE:-/no-cert-file.crt}
export SSL_CERT_FILE=${SSL_CERT_FILE:-$NIX_SSL_CERT_FILE}
[ "${NIX_SSL_CERT_FILE}" != /no-cert-file.crt ] || [ -z "${IN_NIX_SHELL:-}" ] || unset NIX_SSL_CERT_FILE SSL_CERT_FILE
export TZ=${TZ:-UTC}
export NIX_BUILD_CORES=${NIX_BUILD_CORES:-1}
if [ "$NIX_BUILD_CORES" = 0 ]; then NIX_BUILD_CORES=$(nproc 2>/dev/null || echo 1); fi
