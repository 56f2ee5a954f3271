#!/usr/bin/env bash
# Counters of the evaluator for case.nix, with several libraries and several evaluators side by side:
#
#     compare.sh [-b BIN]… LIB…
#
# LIB is a library's folder; BIN a folder with an nix-instantiate (the one that PATH finds, if there is none). The first library
# is what the others are compared with: `0.47x` says how much of it they need.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bins=()
while [ "${1:-}" = -b ]; do bins+=("$(cd "$2" && pwd)"); shift 2; done
[ ${#bins[@]} -gt 0 ] || bins=("")
[ $# -gt 0 ] || { sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2; }
stats=$(mktemp)
trap 'rm -f "$stats"' EXIT
counters=(nrThunks nrFunctionCalls nrPrimOpCalls nrOpUpdateValuesCopied nrLookups)
printf '%-8s %s\n' '' "counters: ${counters[*]}"
for bin in "${bins[@]}"; do
  PATH=${bin:+$bin:}$PATH
  echo "with $(nix-instantiate --version | head -1)"
  for attr in few values options; do
    first=()
    for lib in "$@"; do
      NIX_SHOW_STATS=1 NIX_SHOW_STATS_PATH=$stats \
        nix-instantiate --eval --strict "$here/case.nix" --arg lib "import $(cd "$lib" && pwd)" -A "$attr" >/dev/null 2>&1 ||
        { echo "$attr: evaluation with $lib failed" >&2; exit 1; }
      printf '%-8s' "$attr"
      for n in "${!counters[@]}"; do
        value=$(grep -o "\"${counters[$n]}\": *[0-9]*" "$stats" | grep -o '[0-9]*$')
        [ -n "${first[$n]:-}" ] || first[n]=$value
        printf ' %8s (%s)' "$value" "$(awk -v a="$value" -v b="${first[$n]}" 'BEGIN { printf "%.2fx", b ? a / b : 1 }')"
      done
      printf '  %s\n' "$lib"
    done
  done
done
