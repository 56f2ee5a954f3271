#!/bin/sh
# Installs the release that this script lies in. Everything that is made is written down in a receipt, which the uninstaller
# reads. FIRN_ROOT puts all files of an installation for all users below another folder (no users or services are made then).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
mode=single
users=32
channel=yes
modify=yes
extra=
root=${FIRN_ROOT:-}

oops() {
    echo "$0: $*" >&2
    exit 1
}

while [ $# -gt 0 ]; do
    case "$1" in
        --daemon) mode=multi ;;
        --no-daemon) mode=single ;;
        --no-channel-add) channel=no ;;
        --no-modify-profile) modify=no ;;
        --yes) ;;
        --daemon-user-count)
            shift
            users=${1:-}
            case "$users" in '' | *[!0-9]* | 0) oops "--daemon-user-count needs a number, not '$users'" ;; esac
            ;;
        --nix-extra-conf-file)
            shift
            [ -e "${1:-}" ] || oops "--nix-extra-conf-file: there is no file '${1:-}'"
            # read once, and now: it may be a pipe
            extra=$(cat "$1")
            ;;
        *) oops "unknown option '$1' (see --help)" ;;
    esac
    shift
done

if [ "$mode" = multi ]; then
    prefix=$root/usr/local/lib/firn
    conf=$root/etc/nix/nix.conf
    [ -n "$root" ] || [ "$(id -u)" = 0 ] || oops "--daemon needs root: run the installer as root, or without --daemon"
else
    [ -n "${HOME:-}" ] || oops "\$HOME is not set"
    prefix=${XDG_DATA_HOME:-$HOME/.local/share}/firn
    conf=${XDG_CONFIG_HOME:-$HOME/.config}/nix/nix.conf
fi
receipt=$prefix/receipt
[ ! -e "$receipt" ] || oops "'$prefix' has an installation already; run '$prefix/uninstall' first"

above=
dir=$(dirname "$prefix")
while [ ! -d "$dir" ]; do
    above="$above$dir
"
    dir=$(dirname "$dir")
done
mkdir -p "$prefix"
# folders above the installation, the innermost first
printf '%s' "$above" | sed 's/^/above /' >"$receipt"

# A line of the receipt: what was made, so that it can be taken away: `file PATH`, `line FILE TEXT`, `user NAME`, …
note() {
    printf '%s\n' "$*" >>"$receipt"
}

# The folders above a file that are not there yet.
folders() {
    dir=$1
    missing=
    while [ ! -d "$dir" ]; do
        missing="$dir
$missing"
        dir=$(dirname "$dir")
    done
    [ -n "$missing" ] || return 0
    mkdir -p "$1"
    printf '%s' "$missing" | while IFS= read -r dir; do
        [ -z "$dir" ] || note "folder $dir"
    done
}

# Copies the release.
for part in bin share LICENSE uninstall; do
    cp -R "$here/$part" "$prefix/$part"
done

# The configuration: what was given goes first; a configuration that is there stays.
write_conf() {
    folders "$(dirname "$conf")"
    text=
    [ -z "$extra" ] || text="$extra
"
    if [ "$mode" = multi ]; then
        text="${text}build-users-group = nixbld
"
    fi
    if [ -e "$conf" ]; then
        [ -n "$text" ] || return 0
        cp -p "$conf" "$conf.before-firn"
        note "restore $conf"
        { printf '%s' "$text"; cat "$conf.before-firn"; } >"$conf"
    else
        printf '%s' "$text" >"$conf"
        note "file $conf"
    fi
}
write_conf

# Makes programs of the installation and of profiles known to login shells.
snippet=$prefix/profile.sh
cat >"$snippet" <<SNIPPET
# Programs of Firn and of your profile.
if [ -z "\${FIRN_PROFILE_DONE:-}" ]; then
    FIRN_PROFILE_DONE=1
    for _firn_dir in "$prefix/bin" "\$HOME/.nix-profile/bin"; do
        case ":\$PATH:" in
            *":\$_firn_dir:"*) ;;
            *) PATH="\$_firn_dir:\$PATH" ;;
        esac
    done
    unset _firn_dir
    MANPATH="$prefix/share/man:\${MANPATH:-}"
    XDG_DATA_DIRS="\$HOME/.nix-profile/share:$prefix/share:\${XDG_DATA_DIRS:-/usr/local/share:/usr/share}"
    export PATH MANPATH XDG_DATA_DIRS
fi
SNIPPET

line=". \"$snippet\" # added by the installer of Firn"
add_line() {
    if [ -e "$1" ] && grep -qF "$line" "$1"; then
        return 0
    fi
    if [ -e "$1" ]; then
        note "line $1"
    else
        folders "$(dirname "$1")"
        note "file-if-empty $1"
    fi
    printf '%s\n' "$line" >>"$1"
}

if [ "$mode" = single ]; then
    if [ "$modify" = yes ]; then
        done_one=no
        for file in .bash_profile .bash_login .profile .zshenv; do
            if [ -w "$HOME/$file" ]; then
                add_line "$HOME/$file"
                done_one=yes
            fi
        done
        [ "$done_one" = yes ] || add_line "$HOME/.profile"
    fi
    # Store paths are /nix/store/…: with that folder programs run without a view of their own.
    if [ ! -d /nix ] && [ "$(id -u)" = 0 ]; then
        mkdir -m 0755 /nix
        note "nix-folder /nix"
    fi
else
    folders "$root/usr/local/bin"
    for program in "$prefix"/bin/*; do
        link=$root/usr/local/bin/$(basename "$program")
        if [ -e "$link" ] || [ -L "$link" ]; then
            echo "'$link' is there already and stays"
        else
            ln -s "${program#"$root"}" "$link"
            note "file $link"
        fi
    done
    folders "$root/etc/profile.d"
    ln -s "${snippet#"$root"}" "$root/etc/profile.d/firn.sh"
    note "file $root/etc/profile.d/firn.sh"
    if [ "$modify" = yes ] && [ -e "$root/etc/bash.bashrc" ]; then
        add_line "$root/etc/bash.bashrc"
    fi
    folders "$root/nix/store"
    note "nix-folder $root/nix"
    if [ -z "$root" ]; then
        if ! getent group nixbld >/dev/null; then
            groupadd --system --gid 30000 nixbld 2>/dev/null || groupadd --system nixbld
            note "group nixbld"
        fi
        i=1
        while [ "$i" -le "$users" ]; do
            if ! getent passwd "nixbld$i" >/dev/null; then
                useradd --system --no-create-home --home-dir /var/empty --comment "Nix build user $i" \
                    --gid nixbld --groups nixbld --no-user-group --shell "$(command -v nologin || echo /bin/false)" \
                    --uid $((30000 + i)) "nixbld$i"
                note "user nixbld$i"
            fi
            i=$((i + 1))
        done
        if [ -d /run/systemd/system ] && [ -e "$prefix/bin/nix-daemon" ]; then
            cat >/etc/systemd/system/nix-daemon.socket <<'UNIT'
[Unit]
Description=Socket of the Nix daemon
Before=multi-user.target

[Socket]
ListenStream=/nix/var/nix/daemon-socket/socket

[Install]
WantedBy=sockets.target
UNIT
            note "unit nix-daemon.socket"
            cat >/etc/systemd/system/nix-daemon.service <<UNIT
[Unit]
Description=Nix daemon
RequiresMountsFor=/nix/store /nix/var

[Service]
ExecStart=@$prefix/bin/nix-daemon nix-daemon --daemon
KillMode=process
LimitNOFILE=1048576
Delegate=yes
UNIT
            note "unit nix-daemon.service"
            systemctl daemon-reload
            systemctl enable --now nix-daemon.socket
        fi
    fi
fi

if [ "$channel" = yes ] && [ -z "$root" ] && [ -e "$prefix/bin/nix-channel" ]; then
    had=no
    [ ! -e "$HOME/.nix-channels" ] || had=yes
    "$prefix/bin/nix-channel" --add https://channels.nixos.org/nixpkgs-unstable nixpkgs ||
        echo "the channel could not be added; 'nix-channel --add' does it later" >&2
    [ "$had" = yes ] || note "file $HOME/.nix-channels"
fi

cat <<DONE

Installation finished. A new login shell knows the programs; for this one:

  . $snippet

'$prefix/uninstall' takes everything away again.
DONE
