#!/bin/sh
# Fetches a release of Firn, checks it, and runs the setup that is in it.
# Works as `sh install`, from a pipe, and as `sh <(curl …)`: it never reads the script again or the standard input.
{ # the whole script is read before anything of it runs
set -eu

version=@version@
hash=@hash@
prefix=${FIRN_RELEASES:-https://github.com/firn/firn/releases/download}

oops() {
    echo "$0: $*" >&2
    exit 1
}

usage() {
    cat <<'USAGE'
Nix Installer [--daemon|--no-daemon] [--daemon-user-count INT] [--no-channel-add] [--no-modify-profile] [--nix-extra-conf-file FILE]
Choose installation method.

 --daemon:    Installs for all users of the machine, with a background
              service that builds as users of its own.

 --no-daemon: Installs for this user only, without any service.
              (default)

 --no-channel-add:    Don't add any channels. nixpkgs-unstable is installed by default.

 --no-modify-profile: Don't modify the user profile to automatically load nix.

 --daemon-user-count: Number of build users to create. Defaults to 32.

 --nix-extra-conf-file: Path to nix.conf to prepend when installing /etc/nix/nix.conf

 --tarball-url-prefix URL: Base URL to download the tarball from.
USAGE
}

for arg in "$@"; do
    case "$arg" in
        --help | -h)
            usage
            exit 0
            ;;
    esac
done

case "$(uname -s).$(uname -m)" in
    Linux.x86_64) system=x86_64-linux ;;
    *) oops "there is no release for $(uname -s) on $(uname -m): Firn runs on x86_64 Linux" ;;
esac

# what is for us; the rest, in its order, is for the setup
count=$#
while [ "$count" -gt 0 ]; do
    arg=$1
    shift
    count=$((count - 1))
    case "$arg" in
        --tarball-url-prefix)
            [ "$count" -gt 0 ] || oops "--tarball-url-prefix needs an address"
            prefix=$1
            shift
            count=$((count - 1))
            ;;
        *) set -- "$@" "$arg" ;;
    esac
done

umask 0022
work=$(mktemp -d "${TMPDIR:-/tmp}/firn-install.XXXXXXXXXX") || oops "cannot make a folder for the download"
trap 'rm -rf "$work"' EXIT INT QUIT TERM

name=firn-$version-$system
url=$prefix/$version/$name.tar.xz
echo "downloading Firn $version for $system from '$url'..."
case "$url" in
    file://*) cp "${url#file://}" "$work/$name.tar.xz" || oops "cannot copy '$url'" ;;
    *)
        if command -v curl >/dev/null 2>&1; then
            curl --fail --location "$url" --output "$work/$name.tar.xz" || oops "cannot download '$url'"
        elif command -v wget >/dev/null 2>&1; then
            wget "$url" -O "$work/$name.tar.xz" || oops "cannot download '$url'"
        else
            oops "neither curl nor wget is installed, and one of them is needed for the download"
        fi
        ;;
esac

if command -v sha256sum >/dev/null 2>&1; then
    found=$(sha256sum -b "$work/$name.tar.xz" | cut -c1-64)
elif command -v openssl >/dev/null 2>&1; then
    found=$(openssl dgst -r -sha256 "$work/$name.tar.xz" | cut -c1-64)
else
    oops "neither sha256sum nor openssl is installed, and one of them is needed to check the download"
fi
[ "$found" = "$hash" ] || oops "SHA-256 hash mismatch in '$url'; expected $hash, got $found"

tar -xJf "$work/$name.tar.xz" -C "$work" || oops "cannot unpack '$name.tar.xz' (is xz installed?)"
code=0
"$work/$name/setup" "$@" || code=$?
exit "$code"
}
