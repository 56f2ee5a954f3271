# Substitution in files.

# _substituteStream NAME WHAT OPTION...: applies replacements to the text in the variable NAME.
_substituteStream() {
  local -n _text=$1
  local what=$2
  shift 2
  local mode=--replace-fail pattern replacement name
  while [ $# -gt 0 ]; do
    case $1 in
      --replace | --replace-warn | --replace-fail | --replace-quiet)
        mode=$1 pattern=$2 replacement=$3
        shift 3
        if [[ $_text != *"$pattern"* ]]; then
          case $mode in
            --replace | --replace-warn) nixWarnLog "substitute: pattern '$pattern' does not occur in $what" ;;
            --replace-fail)
              nixErrorLog "substitute: pattern '$pattern' does not occur in $what"
              return 1
              ;;
          esac
        fi
        _text=${_text//"$pattern"/"$replacement"}
        ;;
      --subst-var)
        name=$2
        shift 2
        [[ $name =~ ^[a-zA-Z_][a-zA-Z0-9_]*$ ]] || { nixErrorLog "substitute: '$name' is not a variable name"; return 1; }
        [ -n "${!name+set}" ] || { nixErrorLog "substitute: variable '$name' is not set"; return 1; }
        _text=${_text//"@$name@"/"${!name}"}
        ;;
      --subst-var-by)
        _text=${_text//"@$2@"/"$3"}
        shift 3
        ;;
      *)
        nixErrorLog "substitute: unknown option '$1'"
        return 1
        ;;
    esac
  done
}

# substituteStream NAME WHAT OPTION...: the same, printing the result.
substituteStream() {
  local _name=$1
  _substituteStream "$@" || return 1
  printf '%s' "${!_name}"
}

# Reads a file whole, refusing NUL bytes, which a shell variable cannot hold.
consumeEntire() {
  local _into=$1
  if IFS='' read -r -d '' "$_into"; then
    nixErrorLog "a file with NUL bytes cannot be substituted in"
    return 1
  fi
}

substitute() {
  local input=$1 output=$2 content
  shift 2
  if [ ! -f "$input" ]; then
    nixErrorLog "substitute: file '$input' does not exist"
    return 1
  fi
  consumeEntire content <"$input"
  _substituteStream content "file '$input'" "$@"
  # Through a name beside it, so that a read-only or hard-linked file is replaced and not written to.
  if [ -e "$output" ]; then chmod +w "$output"; fi
  printf '%s' "$content" >"$output"
}

substituteInPlace() {
  local files=() file
  while [ $# -gt 0 ] && [[ $1 != --* ]]; do
    files+=("$1")
    shift
  done
  [ ${#files[@]} -gt 0 ] || { nixErrorLog "substituteInPlace: no file given"; return 1; }
  for file in "${files[@]}"; do substitute "$file" "$file" "$@"; done
}

# Replaces @name@ for every exported variable that begins with a lower-case letter.
substituteAll() {
  local input=$1 output=$2 name args=()
  while IFS='=' read -r -d '' name _; do
    [[ $name =~ ^[a-z][a-zA-Z0-9_]*$ ]] && args+=(--subst-var "$name")
  done < <(env -0)
  substitute "$input" "$output" "${args[@]}"
}
substituteAllInPlace() { substituteAll "$1" "$1"; }
