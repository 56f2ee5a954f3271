#!/usr/bin/env bash
# How long a flake in a Git tree of 20,000 files takes to evaluate: unchanged, and after one edit; with the path of the tree
# itself, and without.
#
#   in-place.sh PROGRAM …        each PROGRAM is a `nix` or `firn`, or a command line that ends in one ("enter nix")
#
# Prints milliseconds, the best of five, one line a case, one column a program.
set -euo pipefail
[ $# -gt 0 ] || { sed -n '2,8s/^# \?//p' "$0"; exit 1; }
work=${WORK:-$(mktemp -d /tmp/firn-bench.XXXXXX)}; tree=$work/tree
export HOME=$work/home NIX_CONFIG='experimental-features = nix-command flakes
warn-dirty = false
flake-registry =' GIT_CONFIG_GLOBAL=/dev/null
mkdir -p "$HOME"
if [ ! -d "$tree" ]; then
  mkdir -p "$tree"; cd "$tree"; git init -q
  for d in $(seq 200); do
    mkdir "d$d"
    for f in $(seq 100); do printf 'file %s of %s\n%0512d\n' "$f" "$d" 0 > "d$d/f$f"; done
  done
  cat > flake.nix <<'NIX'
{
  outputs = { self }: {
    x = import ./x.nix;
    path = "${self}";
    part = "${./d1}";
  };
}
NIX
  echo '1' > x.nix
  git add . && git -c user.name=b -c user.email=b@example.org commit -qm tree
fi
cd "$tree"
best() {
  local least=999999 t0 t1
  for _ in 1 2 3 4 5; do
    eval "$1"; t0=$(date +%s%N); eval "$2" > /dev/null; t1=$(date +%s%N)
    (( (t1 - t0) / 1000000 < least )) && least=$(( (t1 - t0) / 1000000 ))
  done
  printf '%8s' "$least"
}
row() {
  printf '%-44s' "$1"
  for program in "${programs[@]}"; do eval "${program%% *} --version" > /dev/null; best "$2" "$program eval --option eval-cache false $3"; done
  echo
}
programs=("$@")
git checkout -q -- . ; for program in "${programs[@]}"; do eval "$program eval .#x" > /dev/null; done
row 'unchanged, .#x' : '.#x'
row 'unchanged, path of the tree' : '--raw .#path'
row 'after an edit, .#x' 'echo $RANDOM$RANDOM > x.nix' '.#x'
row 'after an edit, path of one folder' 'echo $RANDOM$RANDOM > x.nix' '--raw .#part'
row 'after an edit, path of the tree' 'echo $RANDOM$RANDOM > x.nix' '--raw .#path'
git checkout -q -- .
[ -n "${WORK:-}" ] || rm -rf "$work"
