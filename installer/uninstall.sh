#!/bin/sh
# Takes an installation away: everything that its receipt names, the latest first. `--purge` also deletes the store and all
# profiles, which stay otherwise.
{ # read as a whole: the script deletes itself
set -eu

prefix=$(cd "$(dirname "$0")" && pwd)
receipt=$prefix/receipt
purge=no
for arg in "$@"; do
    case "$arg" in
        --purge) purge=yes ;;
        --help)
            echo "uninstall [--purge]    --purge: delete the store and all profiles, too"
            exit 0
            ;;
        *)
            echo "$0: unknown option '$arg'" >&2
            exit 1
            ;;
    esac
done
[ -e "$receipt" ] || {
    echo "$0: there is no installation in '$prefix'" >&2
    exit 1
}

without_line() {
    [ -e "$1" ] || return 0
    grep -v '# added by the installer of Firn$' "$1" >"$1.firn-tmp" || true
    cat "$1.firn-tmp" >"$1"
    rm -f "$1.firn-tmp"
}

above=$(sed -n 's/^above //p' "$receipt")
# the latest entry first
lines=$(sed '1!G;h;$!d' "$receipt")
printf '%s\n' "$lines" | while IFS= read -r entry; do
    kind=${entry%% *}
    what=${entry#* }
    case "$kind" in
        file) rm -f "$what" ;;
        line) without_line "$what" ;;
        file-if-empty)
            without_line "$what"
            [ -s "$what" ] || rm -f "$what"
            ;;
        restore)
            if [ -e "$what.before-firn" ]; then
                mv -f "$what.before-firn" "$what"
            fi
            ;;
        folder) rmdir "$what" 2>/dev/null || true ;;
        unit)
            systemctl disable --now "$what" 2>/dev/null || true
            rm -f "/etc/systemd/system/$what"
            ;;
        user) userdel "$what" 2>/dev/null || true ;;
        group) groupdel "$what" 2>/dev/null || true ;;
        nix-folder)
            if [ "$purge" = yes ]; then
                chmod -R u+w "$what" 2>/dev/null || true
                rm -rf "$what"
            else
                rmdir "$what/store" "$what" 2>/dev/null || echo "'$what' has a store and stays; --purge deletes it"
            fi
            ;;
    esac
done

if [ "$purge" = yes ] && [ -n "${HOME:-}" ]; then
    for dir in "${XDG_DATA_HOME:-$HOME/.local/share}/nix" "${XDG_STATE_HOME:-$HOME/.local/state}/nix" \
        "${XDG_CACHE_HOME:-$HOME/.cache}/nix" "$HOME/.nix-defexpr"; do
        [ ! -e "$dir" ] || chmod -R u+w "$dir" 2>/dev/null || true
        rm -rf "$dir"
    done
    rm -f "$HOME/.nix-profile" "$HOME/.nix-channels"
fi
rm -rf "$prefix"
printf '%s\n' "$above" | while IFS= read -r dir; do
    [ -z "$dir" ] || rmdir "$dir" 2>/dev/null || true
done
echo "Firn is uninstalled."
exit 0
}
