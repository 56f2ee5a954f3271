#!/usr/bin/env bash
# Runs the cases of this folder; see README.md.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
base=$(cd "$here/../../base" && pwd)
prefix=()
if [ "${1:-}" = -p ]; then read -ra prefix <<<"$2"; shift 2; fi
if [ $# -eq 0 ]; then mapfile -t names < <(ls "$here/cases"); else names=("$@"); fi

# A pattern of bash for a text in which … stands for anything.
pattern() { local quoted; printf -v quoted '%q' "$1"; printf '%s' "$1" | sed 's/[][\\*?"$`!()|&;<>{}~#'"'"']/\\&/g; s/…/*/g'; }

passed=0 failed=0
out=$(mktemp) err=$(mktemp)
trap 'rm -f "$out" "$err"' EXIT
for name in "${names[@]}"; do
  case=$here/cases/$name
  cmd=$(sed "s#@case@#$case#g; s#@base@#$base#g" "$case/cmd")
  eval "words=($cmd)"
  (cd "$case" && "${prefix[@]}" "${words[@]}") >"$out" 2>"$err" </dev/null
  status=$?
  why=
  if [ -f "$case/expected" ]; then
    want=$(<"$case/expected") have=$(<"$out")
    # shellcheck disable=SC2053
    [[ $have == $(pattern "$want") ]] || why="printed: $have"
    [ $status -eq 0 ] || why="exit status $status: $(tail -5 "$err")"
  elif [ $status -eq 0 ]; then
    why="succeeded: $(<"$out")"
  fi
  if [ -z "$why" ] && [ -f "$case/expected.err" ]; then
    exec 3<"$err"
    while IFS= read -r want; do
      want=${want#"${want%%[![:space:]]*}"}
      [ -n "$want" ] || continue
      found=
      while IFS= read -r line <&3; do
        line=${line#"${line%%[![:space:]]*}"}
        # shellcheck disable=SC2053
        if [[ $line == $(pattern "$want") ]]; then found=1; break; fi
      done
      [ -n "$found" ] || { why="standard error lacks (in its place): $want"$'\n'"$(tail -15 "$err")"; break; }
    done <"$case/expected.err"
    exec 3<&-
  fi
  if [ -z "$why" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); printf 'FAILED %s: %s\n' "$name" "$why"; fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
