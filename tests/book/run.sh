#!/usr/bin/env bash
# Runs cases with whatever implementation `PATH` finds; see README.md.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
base=$(cd "$here/../../base" && pwd)
prefix=()
if [ "${1:-}" = -p ]; then read -ra prefix <<<"$2"; shift 2; fi
if [ $# -eq 0 ]; then mapfile -t names < <(ls "$here/cases"); else names=("$@"); fi
work=$(mktemp -d -p "${TMPDIR:-/tmp}")
trap 'rm -rf "$work"' EXIT
export NIX_CONFIG="${NIX_CONFIG:-experimental-features = nix-command flakes}"

passed=0 failed=0
for name in "${names[@]}"; do
  dir=$work/$name
  cp -r "$here/cases/$name" "$dir"
  ln -s "$base" "$dir/base"
  printf 'cd %q && export HOME=%q && %s\n' "$dir" "$dir" "$(<"$dir/cmd")" >"$dir/script"
  (cd "$dir" && "${prefix[@]}" bash "$dir/script") >"$dir/out" 2>"$dir/err" </dev/null
  status=$?
  # Blanks in the pattern's special characters are quoted, and … becomes *.
  pattern=$(printf '%s' "$(<"$dir/expected")" | sed 's/[][\\*?"$`!()|&;<>{}~#'"'"']/\\&/g; s/…/*/g')
  if [ -e "$dir/fails" ]; then
    have=$(<"$dir/err") pattern="*$pattern*"
    [ $status -ne 0 ] || { have="exit status 0: $have"; pattern=; }
  else
    have=$(<"$dir/out")
    [ $status -eq 0 ] || { have="exit status $status: $(tail -5 "$dir/err")"; pattern=; }
  fi
  # shellcheck disable=SC2053
  if [[ $have == $pattern ]]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAILED %s:\n%s\n' "$name" "$have"
  fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
