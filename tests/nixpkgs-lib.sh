#!/usr/bin/env bash
# Runs nixpkgs' own tests of its library, from a checkout of nixpkgs, with this library in place of theirs and the
# programs of a folder (nix-instantiate, nix-store, nix):
#
#     tests/nixpkgs-lib.sh CHECKOUT BIN [PART…]
#
# CHECKOUT holds `lib/`, as nixpkgs does. BIN is a folder whose programs are used (`firn applets DIR` makes one); `-` means
# those that PATH finds. LIB=FOLDER takes another library; LIB=- takes nixpkgs' own, which shows what is the programs' fault.
# PARTs are those of the list below. FIRN_KEEP=1 keeps the working folder with all logs.
# Nothing of the checkout is changed; the tests see a store of their own. Exit status 0: all parts passed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
all=(misc systems fetchers version modules filesystem sources debug network fileset path-unit path-prop mixed)

if [ $# -lt 2 ]; then
  sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  echo "parts: ${all[*]}"
  exit 2
fi
checkout=$(cd "$1" && pwd)
bin=$2
shift 2
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=("${all[@]}")
[ "$bin" = - ] || PATH=$(cd "$bin" && pwd):$PATH
lib=${LIB:-$here/../base/lib}

work=$(mktemp -d)
clean() {
  if [ -n "${FIRN_KEEP:-}" ]; then echo "kept: $work"; else chmod -R u+w "$work" && rm -rf "$work"; fi
}
trap clean EXIT
tree=$work/nixpkgs
mkdir -p "$tree" "$work/home" "$work/logs"
if [ "$lib" = - ]; then
  cp -r "$checkout/lib" "$tree/lib"
else
  cp -r "$lib" "$tree/lib"
  # The tests, and what they read that is no part of the library.
  rm -rf "$tree/lib/tests"
  cp -r "$checkout/lib/tests" "$tree/lib/tests"
  cp "$checkout"/lib/fileset/{tests.sh,mock-splitRoot.nix} "$tree/lib/fileset/"
  cp -r "$checkout/lib/path/tests" "$tree/lib/path/"
fi
chmod -R u+w "$tree"

export TEST_ROOT=$work/root HOME=$work/home TEST_LIB=$tree/lib TMPDIR=$work PAGER=cat NIX_BUILD_HOOK=
export NIX_STORE_DIR=$TEST_ROOT/store NIX_STATE_DIR=$TEST_ROOT/var/nix NIX_LOCALSTATE_DIR=$TEST_ROOT/var
export NIX_LOG_DIR=$TEST_ROOT/var/log/nix NIX_CONF_DIR=$TEST_ROOT/etc
export NIX_CONFIG="experimental-features = nix-command flakes
build-users-group =
sandbox = false
substituters ="
unset NIX_PATH NIX_REMOTE
cd "$tree"

# The names of failed tests of a set of `{ expr, expected }` or `{ expr, expectedError }`.
cat >"$work/mixed.nix" <<'NIX'
{ tests, one, other }:
let
  all = import tests { pkgs = null; currLibPath = one; prevLibPath = other; };
  isTest = value: value ? expr;
  fails =
    test:
    let
      result = builtins.tryEval (builtins.deepSeq test.expr test.expr);
    in
    if test ? expected then !result.success || result.value != test.expected else result.success;
  failed =
    path: value:
    if !builtins.isAttrs value then
      [ ]
    else if isTest value then
      (if fails value then [ path ] else [ ])
    else
      builtins.concatMap (name: failed "${path}.${name}" value.${name}) (builtins.attrNames value);
  result = failed "tests" all;
in
assert builtins.length (builtins.attrNames all) > 1;
result
NIX

# A file whose value is the list of what fails.
empty() { [ "$(nix-instantiate --eval --strict "$1")" = '[ ]' ]; }

run() {
  case $1 in
    misc | systems | fetchers) empty "lib/tests/$1.nix" ;;
    version) nix-instantiate lib -A version --eval ;;
    modules | filesystem | sources | debug | network) bash "lib/tests/$1.sh" ;;
    fileset) bash lib/fileset/tests.sh ;;
    path-unit)
      # Throws the failed cases.
      nix-instantiate --eval --strict --show-trace --argstr libpath "$tree/lib" lib/path/tests/unit.nix
      ;;
    path-prop) bash lib/path/tests/prop.sh "${SEED:-1}" ;;
    mixed)
      # Types of either library in evaluations of the other.
      local pair
      for pair in "$tree/lib $checkout/lib" "$checkout/lib $tree/lib"; do
        [ "$(nix-instantiate --eval --strict "$work/mixed.nix" --arg tests "$checkout/lib/tests/checkAndMergeCompat.nix" \
          --arg one "${pair% *}" --arg other "${pair#* }")" = '[ ]' ] || return 1
      done
      ;;
    *) echo "no part is called $1" && return 2 ;;
  esac
}

failed=0
for part in "${parts[@]}"; do
  start=$(date +%s)
  log=$work/logs/$part
  if (set -o pipefail; run "$part") >"$log" 2>&1; then state=passed; else state=FAILED failed=$((failed + 1)); fi
  printf '%-12s %s (%s s)' "$part" "$state" "$(($(date +%s) - start))"
  case $part in
    modules) printf '  %s' "$(grep -aE '^[0-9]+ (Pass|Fail)' "$log" | tr '\n' ' ')" ;;
  esac
  echo
  [ "$state" = passed ] || tail -n "${LINES_OF_LOG:-15}" "$log" | sed 's/^/    /'
done
echo "$((${#parts[@]} - failed)) of ${#parts[@]} parts passed with $(nix-instantiate --version)"
[ "$failed" = 0 ]
