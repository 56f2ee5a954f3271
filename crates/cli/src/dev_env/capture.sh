# Runs in the place of a derivation's builder: does what the setup of the standard environment does, then writes the
# variables and functions that are there as JSON to the first output. The other outputs become empty files.
set -e
if [ -e "$NIX_ATTRS_SH_FILE" ]; then source "$NIX_ATTRS_SH_FILE"; fi

export IN_NIX_SHELL=impure
export dontAddDisableDepTrack=1

if [[ -n $stdenv ]]; then source "$stdenv"/setup; fi

# taken before anything of this script exists
__vars="$(declare -p)"
__functions="$(declare -F)"

__json() {
    local s="$1" out= i c
    s="${s//\\/\\\\}"
    s="${s//\"/\\\"}"
    s="${s//$'\n'/\\n}"
    s="${s//$'\r'/\\r}"
    s="${s//$'\t'/\\t}"
    if [[ $s == *[$'\001'-$'\037']* ]]; then
        for ((i = 0; i < ${#s}; i++)); do
            c="${s:i:1}"
            case "$c" in
                [$'\001'-$'\037']) printf -v c '\\u%04x' "'$c" ;;
            esac
            out+="$c"
        done
        s="$out"
    fi
    printf '"%s"' "$s"
}

__one() {
    local __name="$1" __flags="$2" __sep= __key
    case "$__flags" in
        -x) printf '{"type":"exported","value":'; __json "${!__name}" ;;
        --) printf '{"type":"var","value":'; __json "${!__name}" ;;
        -a)
            printf '{"type":"array","value":['
            local __items="$__name[@]"
            for __key in "${!__items}"; do
                printf '%s' "$__sep"
                __json "$__key"
                __sep=,
            done
            printf ']'
            ;;
        -A)
            printf '{"type":"associative","value":{'
            declare -n __table="$__name"
            for __key in "${!__table[@]}"; do
                printf '%s' "$__sep"
                __json "$__key"
                printf ':'
                __json "${__table[$__key]}"
                __sep=,
            done
            printf '}'
            ;;
        *) printf '{"type":"unknown"' ;;
    esac
    printf '}'
}

__environment() {
    local __line __name __body __sep=
    printf '{"bashFunctions":{'
    while read -r __line; do
        [[ $__line =~ ^declare\ -f\ (.*) ]] || continue
        __name="${BASH_REMATCH[1]}"
        __body="$(declare -f "$__name")"
        __body="${__body#*\{}"
        printf '%s' "$__sep"
        __json "$__name"
        printf ':'
        __json "${__body%\}*}"
        __sep=$',\n'
    done < <(printf '%s\n' "$__functions")
    printf '},\n"variables":{'
    __sep=
    while read -r __line; do
        [[ $__line =~ ^declare\ (-[^ ])\ ([^=]*) ]] || continue
        local __flags="${BASH_REMATCH[1]}"
        __name="${BASH_REMATCH[2]}"
        case "$__name" in
            # what bash itself keeps
            BASH_* | COMP_* | _ | DIRSTACK | EUID | FUNCNAME | HISTCMD | HOSTNAME | GROUPS | PIPESTATUS | PWD | RANDOM | SHLVL | SECONDS | EPOCHREALTIME | EPOCHSECONDS) continue ;;
        esac
        printf '%s' "$__sep"
        __json "$__name"
        printf ':'
        __one "$__name" "$__flags"
        __sep=$',\n'
    done < <(printf '%s\n' "$__vars")
    printf '}'
    if [ -e "$NIX_ATTRS_SH_FILE" ]; then
        printf ',\n"structuredAttrs":{".attrs.sh":'
        __json "$(<"$NIX_ATTRS_SH_FILE")"
        printf ',".attrs.json":'
        __json "$(<"$NIX_ATTRS_JSON_FILE")"
        printf '}'
    fi
    printf '}\n'
}

__output() {
    if [[ -z ${__done-} ]]; then
        __environment > "$1"
        __done=1
    else
        : > "$1"
    fi
}

# with structured attributes `outputs` is a table of paths, else a list of names of variables
if [ -e "$NIX_ATTRS_SH_FILE" ]; then
    for __path in "${outputs[@]}"; do __output "$__path"; done
else
    for __name in $outputs; do __output "${!__name}"; done
fi
