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
    local name="$1" flags="$2" sep= key
    case "$flags" in
        -x) printf '{"type":"exported","value":'; __json "${!name}" ;;
        --) printf '{"type":"var","value":'; __json "${!name}" ;;
        -a)
            printf '{"type":"array","value":['
            local items="$name[@]"
            for key in "${!items}"; do
                printf '%s' "$sep"
                __json "$key"
                sep=,
            done
            printf ']'
            ;;
        -A)
            printf '{"type":"associative","value":{'
            declare -n __table="$name"
            for key in "${!__table[@]}"; do
                printf '%s' "$sep"
                __json "$key"
                printf ':'
                __json "${__table[$key]}"
                sep=,
            done
            printf '}'
            ;;
        *) printf '{"type":"unknown"' ;;
    esac
    printf '}'
}

__environment() {
    local line name body sep=
    printf '{"bashFunctions":{'
    while read -r line; do
        [[ $line =~ ^declare\ -f\ (.*) ]] || continue
        name="${BASH_REMATCH[1]}"
        body="$(declare -f "$name")"
        body="${body#*\{}"
        printf '%s' "$sep"
        __json "$name"
        printf ':'
        __json "${body%\}*}"
        sep=$',\n'
    done < <(printf '%s\n' "$__functions")
    printf '},\n"variables":{'
    sep=
    while read -r line; do
        [[ $line =~ ^declare\ (-[^ ])\ ([^=]*) ]] || continue
        local flags="${BASH_REMATCH[1]}"
        name="${BASH_REMATCH[2]}"
        case "$name" in
            # what bash itself keeps
            BASH_* | COMP_* | _ | DIRSTACK | EUID | FUNCNAME | HISTCMD | HOSTNAME | GROUPS | PIPESTATUS | PWD | RANDOM | SHLVL | SECONDS | EPOCHREALTIME | EPOCHSECONDS) continue ;;
        esac
        printf '%s' "$sep"
        __json "$name"
        printf ':'
        __one "$name" "$flags"
        sep=$',\n'
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
