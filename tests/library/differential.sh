#!/usr/bin/env bash
# Evaluates the probes with this library and with nixpkgs' own, and tells where they differ:
#
#     tests/library/differential.sh CHECKOUT BIN [TOPIC]
#
# CHECKOUT holds `lib/`, as nixpkgs does. BIN is a folder whose nix-instantiate is used (`firn applets DIR` makes one); `-`
# means the one that PATH finds. TOPIC is a file of probes/ without its ending; all of them if it is missing.
# Environment: MESSAGES=1 compares the texts of errors too, one process each; LIMIT=N takes up to N combinations a function;
# LIB=FOLDER takes another library than base/lib; JOBS=N runs N evaluations at a time; GOLDEN=FOLDER writes the probes on
# which both agree, with their results, to FOLDER/TOPIC (the tests of the library; TOPIC must be given).
# An error that tryEval catches and one that it does not count as the same.
# Differences go to the standard output. Exit status 0: there are none.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
if [ $# -lt 2 ]; then
  sed -n '2,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
fi
theirs=$(cd "$1" && pwd)/lib
[ "$2" = - ] || PATH=$(cd "$2" && pwd):$PATH
ours=$(cd "${LIB:-$here/../../base/lib}" && pwd)
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
export work here NIX_CONFIG="experimental-features = nix-command flakes
build-users-group =
sandbox = false
substituters ="
for dir in ours theirs; do
  # Both lie in a folder of the same name length, and the probes beside them.
  mkdir -p "$work/$dir"
done
cp -r "$ours" "$work/ours/lib"
cp -r "$theirs" "$work/theirs/lib"
cp -r "$here/fixture" "$work/fixture"
export NIX_STORE_DIR=$work/store NIX_STATE_DIR=$work/var/nix NIX_LOCALSTATE_DIR=$work/var NIX_LOG_DIR=$work/log
unset NIX_PATH NIX_REMOTE

topic=()
[ -z "${3:-}" ] || topic=(--argstr topic "$3")
nix-instantiate --eval --raw "$here/generate.nix" --arg limit "${LIMIT:-24}" "${topic[@]}" >"$work/cases"
total=$(wc -l <"$work/cases")

# evaluate LIB FROM TO: lines of results; halves what an uncatchable error stops.
evaluate() {
  local lib=$1 from=$2 to=$3 file=$work/fixture/chunk-$1-$2-$3.nix middle
  { echo 'lib: with lib; ['; sed -n "$from,${to}s/.*/(&)/p" "$work/cases"; echo ']'; } >"$file"
  if nix-instantiate --eval --raw --read-write-mode "$here/run.nix" --arg cases "$file" --arg lib "$work/$lib/lib" \
    2>/dev/null >"$file.out"; then
    cat "$file.out"
  elif [ "$from" = "$to" ]; then
    echo "<error>"
  else
    middle=$(((from + to) / 2))
    evaluate "$lib" "$from" "$middle"
    evaluate "$lib" "$((middle + 1))" "$to"
  fi
  rm -f "$file" "$file.out"
}
# message LIB N: the last error of probe N.
message() {
  local lib=$1 n=$2 file=$work/fixture/single-$1-$2.nix
  { echo 'lib: with lib; ['; sed -n "${n}s/.*/(&)/p" "$work/cases"; echo ']'; } >"$file"
  nix-instantiate --eval --raw --read-write-mode "$here/run.nix" --arg cases "$file" --arg lib "$work/$lib/lib" --arg single true \
    2>&1 >/dev/null | awk '/^ *error: /{text=""} {sub(/^ +/, ""); if ($0 !~ /^(at .*:[0-9]+:[0-9]+:|[0-9]+\||\|)/) text=text $0 " "} END {print text}' |
    sed "s|$work/[a-z]*/lib|<lib>|g; s|single-[a-z]*|single|g"
  rm -f "$file"
}
export -f evaluate message

step=48
for lib in ours theirs; do
  for ((from = 1; from <= total; from += step)); do
    to=$((from + step - 1))
    echo "$lib $from $((to < total ? to : total))"
  done
done | xargs -P "${JOBS:-2}" -L 1 bash -c 'evaluate "$0" "$1" "$2" >"$work/result-$0-$(printf %06d "$1")"'
for lib in ours theirs; do cat "$work"/result-"$lib"-* >"$work/$lib.out"; done

if [ -n "${GOLDEN:-}" ]; then
  mkdir -p "$GOLDEN"
  paste "$work/cases" "$work/ours.out" "$work/theirs.out" | awk -F '\t' '$2 == $3 { print $1 "\n=> " $2 }' >"$GOLDEN/$3"
fi

differ=0
while IFS=$'\t' read -r n a b; do
  differ=$((differ + 1))
  printf '%s\n  ours:   %s\n  theirs: %s\n' "$(sed -n "${n}p" "$work/cases")" "$(cut -c1-2000 <<<"$a")" "$(cut -c1-2000 <<<"$b")"
done < <(paste "$work/ours.out" "$work/theirs.out" | awk -F '\t' '$1 != $2 && !(fails($1) && fails($2)) { print NR "\t" $1 "\t" $2 }
  function fails(result) { return result == "<throws>" || result == "<error>" }')

wrong=0 messages=0
if [ -n "${MESSAGES:-}" ]; then
  failing=$(paste "$work/ours.out" "$work/theirs.out" | awk '/^<(throws|error)>\t<(throws|error)>$/ { print NR }')
  for lib in ours theirs; do for n in $failing; do echo "$lib $n"; done; done |
    xargs -P "${JOBS:-2}" -L 1 bash -c 'message "$0" "$1" >"$work/message-$0-$1"'
  for n in $failing; do
    messages=$((messages + 1))
    if ! cmp -s "$work/message-ours-$n" "$work/message-theirs-$n"; then
      wrong=$((wrong + 1))
      printf '%s\n  ours says:   %s\n  theirs says: %s\n' "$(sed -n "${n}p" "$work/cases")" \
        "$(cat "$work/message-ours-$n")" "$(cat "$work/message-theirs-$n")"
    fi
  done
fi
echo "$((total - differ)) of $total probes give the same${MESSAGES:+; $((messages - wrong)) of $messages errors say the same}"
[ $((differ + wrong)) = 0 ]
