#!/usr/bin/env bash
# Counters of the evaluator for case.nix with several libraries: compare.sh LIB…
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
stats=$(mktemp)
trap 'rm -f "$stats"' EXIT
for attr in few values options; do
  for lib in "$@"; do
    NIX_SHOW_STATS=1 NIX_SHOW_STATS_PATH=$stats \
      nix-instantiate --eval --strict "$here/case.nix" --arg lib "import $lib" -A "$attr" >/dev/null 2>&1
    printf '%-8s' "$attr"
    for counter in nrThunks nrFunctionCalls nrPrimOpCalls nrOpUpdateValuesCopied nrLookups; do
      printf ' %s=%-8s' "${counter#nr}" "$(grep -o "\"$counter\": *[0-9]*" "$stats" | grep -o '[0-9]*$')"
    done
    printf ' %s\n' "$lib"
  done
done
