#!/usr/bin/env bash
# Substituting 1,000 paths from a cache on loopback, and copying 1,000 paths between two stores, beside C++ Nix.
#
#     benches/substitute.sh FIRN [NIX_BIN_DIR] [PATHS]
#
# FIRN is the executable; NIX_BIN_DIR holds the reference's programs (/usr/bin). Needs python3, and either nginx or
# python3's own server. All stores lie in a temporary folder. Prints one line a measurement: seconds of both, and the ratio.
set -euo pipefail
firn=$(realpath "$1")
other=${2:-/usr/bin}
paths=${3:-1000}
work=$(mktemp -d)
trap 'kill $server 2>/dev/null || true; chmod -R u+w "$work"; rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/etc"
"$firn" applets "$work/bin" > /dev/null
cat > "$work/etc/nix.conf" <<CONF
sandbox = false
build-users-group =
require-sigs = false
substituters =
experimental-features = nix-command
CONF
export NIX_CONF_DIR=$work/etc HOME=$work/home NIX_STORE_DIR=$work/store NIX_STATE_DIR=$work/var NIX_LOG_DIR=$work/log
unset NIX_REMOTE NIX_PATH

# the store to copy from: many small trees, each with a file of its own size
mkdir "$work/trees"
for i in $(seq "$paths"); do
  mkdir "$work/trees/t$i"
  head -c $((i % 50 * 400 + 100)) /dev/urandom > "$work/trees/t$i/data"
done
"$work/bin/nix-store" --add "$work"/trees/t* > "$work/list"
"$other/nix" copy --to "file://$work/cache?compression=none" $(cat "$work/list")
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
if command -v nginx > /dev/null; then
  cat > "$work/nginx.conf" <<CONF
daemon off; worker_processes 1; pid $work/nginx.pid; error_log $work/nginx.log;
events { worker_connections 512; }
http { access_log off; client_body_temp_path $work/n1; proxy_temp_path $work/n2; fastcgi_temp_path $work/n3;
  uwsgi_temp_path $work/n4; scgi_temp_path $work/n5; keepalive_requests 100000;
  server { listen 127.0.0.1:$port; root $work/cache; } }
CONF
  nginx -c "$work/nginx.conf" 2> /dev/null &
else
  python3 -m http.server --bind 127.0.0.1 --directory "$work/cache" "$port" > /dev/null 2>&1 &
fi
server=$!
until (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do sleep 0.1; done

# a fresh store of the same directory; seconds that the command takes
run() {
  local place=$1; shift
  chmod -R u+w "$work/$place" 2> /dev/null || true
  rm -rf "${work:?}/$place"
  local start end
  start=$(date +%s.%N)
  env HOME="$work/$place/home" "$@" > "$work/$place.out" 2>&1 || { cat "$work/$place.out" >&2; exit 1; }
  end=$(date +%s.%N)
  python3 -c "print(f'{$end - $start:.2f}')"
}

report() { python3 -c "print(f'{\"$1\":<40} firn {$2:>7} s   reference {$3:>7} s   ratio {$2 / $3:.2f}')"; }

url=http://127.0.0.1:$port
list=$(cat "$work/list")
for round in 1 2 3; do
  ours=$(run s1 "$work/bin/nix-store" --store "local?root=$work/s1&store=$NIX_STORE_DIR" -r $list --substituters "$url")
  theirs=$(run s2 "$other/nix-store" --store "local?root=$work/s2&store=$NIX_STORE_DIR" -r $list --substituters "$url")
  report "substituting $paths paths, round $round" "$ours" "$theirs"
done
for round in 1 2 3; do
  ours=$(run c1 "$work/bin/nix" copy --no-check-sigs --to "local?root=$work/c1&store=$NIX_STORE_DIR" $list)
  theirs=$(run c2 "$other/nix" copy --no-check-sigs --to "local?root=$work/c2&store=$NIX_STORE_DIR" $list)
  report "copying $paths paths, round $round" "$ours" "$theirs"
done
