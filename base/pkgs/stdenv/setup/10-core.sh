# Shell options, lists, hooks and messages: what every later part uses.
#
# The generic builder is one shell script, put together from the files of this folder in the order of their names.
# A derivation's attributes arrive as environment variables, or, with __structuredAttrs, as the variables, arrays and
# associative arrays of .attrs.sh. Functions that take the *name* of a variable work with both.

set -e -o pipefail
shopt -s inherit_errexit extglob

: "${NIX_DEBUG:=0}" "${outputs:=out}"

if [ -e "${NIX_ATTRS_SH_FILE:-}" ]; then
  source "$NIX_ATTRS_SH_FILE"
elif [ -e .attrs.sh ]; then
  source .attrs.sh
fi

nixLog() { printf '%s\n' "$*" >&2; }
nixWarnLog() { printf 'warning: %s\n' "$*" >&2; }
nixErrorLog() { printf 'error: %s\n' "$*" >&2; }
# Says which phase runs, for the progress display.
showPhaseHeader() {
  echo "Running phase: $1"
  if [ -n "${NIX_LOG_FD:-}" ]; then
    printf '@nix { "action": "setPhase", "phase": "%s" }\n' "$1" >&"$NIX_LOG_FD"
  fi
}
echoCmd() { local label=$1; shift; printf '%s: %s\n' "$label" "$(printf '%q ' "$@")"; }

# isArray NAME: whether the variable is an array.
isArray() { [[ "$(declare -p "$1" 2>/dev/null)" == "declare -"*([!\ ])a* ]]; }

# concatTo ARRAY NAME...: appends the elements of the variables named NAME (`NAME=default` gives one for an unset or
# empty variable) to ARRAY. A plain string is split at white space.
concatTo() {
  local -n _target=$1
  shift
  local _spec _name _default
  for _spec in "$@"; do
    _name=${_spec%%=*} _default=
    [[ $_spec != *=* ]] || _default=${_spec#*=}
    if isArray "$_name"; then
      local -n _source=$_name
      _target+=("${_source[@]}")
      unset -n _source
    elif [ -n "${!_name:-}" ]; then
      local _words
      read -r -d '' -a _words <<<"${!_name}" || true
      _target+=("${_words[@]}")
    elif [ -n "$_default" ]; then
      _target+=("$_default")
    fi
  done
}

# concatStringsSep SEPARATOR NAME: joins the elements of a variable.
concatStringsSep() {
  local _sep=$1 _items=() _out= _i
  concatTo _items "$2"
  for _i in "${!_items[@]}"; do
    _out+="${_items[_i]}"
    [ "$_i" = $((${#_items[@]} - 1)) ] || _out+=$_sep
  done
  printf '%s' "$_out"
}

appendToVar() {
  local _name=$1
  shift
  if isArray "$_name"; then
    local -n _array=$_name
    _array+=("$@")
  else
    local _all="${!_name:-}${!_name:+ }$*"
    printf -v "$_name" '%s' "$_all"
  fi
}

prependToVar() {
  local _name=$1
  shift
  if isArray "$_name"; then
    local -n _array=$_name
    _array=("$@" "${_array[@]}")
  else
    local _all="$*${!_name:+ }${!_name:-}"
    printf -v "$_name" '%s' "$_all"
  fi
}

# addToSearchPathWithCustomDelimiter DELIMITER NAME FOLDER: adds an existing folder, once.
addToSearchPathWithCustomDelimiter() {
  local delimiter=$1 name=$2 folder=$3
  [ -d "$folder" ] || return 0
  case "$delimiter${!name:-}$delimiter" in
    *"$delimiter$folder$delimiter"*) return 0 ;;
  esac
  export "$name=${!name:-}${!name:+$delimiter}$folder"
}
addToSearchPath() { addToSearchPathWithCustomDelimiter ':' "$@"; }

# All outputs, in the order in which the derivation lists them.
getAllOutputNames() {
  if [ -n "${__structuredAttrs:-}" ]; then
    printf '%s ' "${!outputs[@]}"
  else
    printf '%s ' $outputs
  fi
}

if [ -n "${__structuredAttrs:-}" ]; then
  for _name in "${!outputs[@]}"; do export "$_name=${outputs[$_name]}"; done
fi

# Hooks: functions listed in NAMEHooks, then the variable or function NAME itself.
_callImplicitHook() {
  local name=$1 default=${2:-}
  if declare -F "$name" >/dev/null; then
    "$name"
  elif [ -n "${!name:-}" ]; then
    eval "${!name}"
  else
    return "${default:-0}"
  fi
}
_eval() {
  local code=$1
  shift
  if declare -F "$code" >/dev/null; then "$code" "$@"; else eval "$code"; fi
}
runHook() {
  local hook=$1
  shift
  local hooks="${hook%Hook}Hooks" one list=()
  concatHooks list "$hooks"
  for one in "${list[@]}"; do _eval "$one" "$@"; done
  _callImplicitHook "$hook"
}
# A hook list holds one shell function or piece of code an element.
concatHooks() {
  local -n _hooks=$1
  if isArray "$2"; then
    local -n _from=$2
    _hooks+=("${_from[@]}")
  elif [ -n "${!2:-}" ]; then
    local _words
    read -r -d '' -a _words <<<"${!2}" || true
    _hooks+=("${_words[@]}")
  fi
}
# runOneHook NAME: runs hooks until one succeeds; fails when none does.
runOneHook() {
  local hook=$1
  shift
  local hooks="${hook%Hook}Hooks" one list=()
  concatHooks list "$hooks"
  for one in "${list[@]}"; do
    if _eval "$one" "$@"; then return 0; fi
  done
  _callImplicitHook "$hook" 1
}

exitHandler() {
  local code=$?
  set +e
  if [ "$code" -ne 0 ]; then
    runHook failureHook
    if [ -n "${succeedOnFailure:-}" ]; then
      echo "build failed with exit code $code (ignored)"
      mkdir -p "$out/nix-support"
      printf '%s' "$code" >"$out/nix-support/failed"
      exit 0
    fi
  else
    runHook exitHook
  fi
  exit "$code"
}
trap exitHandler EXIT
