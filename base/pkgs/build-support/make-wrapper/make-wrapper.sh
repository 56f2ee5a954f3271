# makeWrapper PROGRAM WRAPPER OPTION...: a script that sets up an environment and runs PROGRAM.
#   --argv0 NAME, --inherit-argv0, --resolve-argv0   the name that the program sees
#   --set VAR VALUE, --set-default VAR VALUE, --unset VAR
#   --chdir FOLDER, --run COMMAND
#   --add-flag FLAG, --append-flag FLAG, --add-flags FLAGS, --append-flags FLAGS
#   --prefix VAR SEP VALUE, --suffix VAR SEP VALUE, --prefix-each, --suffix-each (several values), --prefix-contents (from files)
assertExecutable() {
  [[ -f $1 && -x $1 ]] || { nixErrorLog "cannot wrap '$1': it is not an executable file"; exit 1; }
}

# _wrapperJoin VAR SEP VALUE prefix|suffix: code that adds VALUE to a list, once.
_wrapperJoin() {
  local var=$1 sep=${2@Q} value=${3@Q}
  printf '%s=${%s:+%s$%s%s}\n' "$var" "$var" "$sep" "$var" "$sep"
  printf '%s=${%s/%s%s%s/%s}\n' "$var" "$var" "$sep" "$value" "$sep" "$sep"
  if [ "$4" = prefix ]; then
    printf '%s=%s$%s\n%s=${%s%%%s}\n' "$var" "$value" "$var" "$var" "$var" "$sep"
  else
    printf '%s=$%s%s\n%s=${%s#%s}\n' "$var" "$var" "$value" "$var" "$var" "$sep"
  fi
  printf 'export %s\n' "$var"
}

makeShellWrapper() {
  local original=$1 wrapper=$2
  shift 2
  local before=() after=() argv0='"$0"' var sep value file
  assertExecutable "$original"
  mkdir -p "$(dirname "$wrapper")"
  {
    printf '#! %s -e\n' "@shell@"
    while [ $# -gt 0 ]; do
      case $1 in
        --set) printf 'export %s=%q\n' "$2" "$3"; shift 3 ;;
        --set-default) printf 'export %s=${%s-%q}\n' "$2" "$2" "$3"; shift 3 ;;
        --unset) printf 'unset %s\n' "$2"; shift 2 ;;
        --chdir) printf 'cd %q\n' "$2"; shift 2 ;;
        --run) printf '%s\n' "$2"; shift 2 ;;
        --prefix | --suffix) _wrapperJoin "$2" "$3" "$4" "${1#--}"; shift 4 ;;
        --prefix-each | --suffix-each) for value in $4; do _wrapperJoin "$2" "$3" "$value" "$(x=${1#--}; echo "${x%-each}")"; done; shift 4 ;;
        --prefix-contents | --suffix-contents)
          for file in $4; do _wrapperJoin "$2" "$3" "$(tr '\n' "$3" <"$file")" "$(x=${1#--}; echo "${x%-contents}")"; done
          shift 4
          ;;
        --add-flag) before+=("$(printf '%q' "$2")"); shift 2 ;;
        --append-flag) after+=("$(printf '%q' "$2")"); shift 2 ;;
        --add-flags) before+=("$2"); shift 2 ;;
        --append-flags) after+=("$2"); shift 2 ;;
        --argv0) argv0=$(printf '%q' "$2"); shift 2 ;;
        --inherit-argv0) argv0='"$0"'; shift ;;
        --resolve-argv0) argv0='"$(readlink -f "$0")"'; shift ;;
        *) nixErrorLog "makeWrapper: unknown option '$1'"; exit 1 ;;
      esac
    done
    printf 'exec -a %s %q %s "$@" %s\n' "$argv0" "$original" "${before[*]}" "${after[*]}"
  } >"$wrapper"
  chmod +x "$wrapper"
}
makeWrapper() { makeShellWrapper "$@"; }

# wrapProgram PROGRAM OPTION...: moves the program to .NAME-wrapped and puts a wrapper in its place.
wrapProgram() {
  local program=$1 hidden
  shift
  assertExecutable "$program"
  hidden=$(dirname "$program")/.$(basename "$program")-wrapped
  while [ -e "$hidden" ]; do hidden+=_; done
  mv "$program" "$hidden"
  makeWrapper "$hidden" "$program" --inherit-argv0 "$@"
}
wrapProgramShell() { wrapProgram "$@"; }
