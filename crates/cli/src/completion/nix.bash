# Completion of nix and firn for bash.
_firn_complete() {
    local IFS=$' \t\n' kind word rest
    local -a words=("${COMP_WORDS[@]}")
    local cword=$COMP_CWORD
    # `#`, `:` and `=` are parts of words here
    if declare -F _get_comp_words_by_ref >/dev/null; then
        _get_comp_words_by_ref -n ':=&#' -w words -i cword
    fi
    local have_kind=
    COMPREPLY=()
    while IFS=$'\t' read -r word rest; do
        if [[ -z $have_kind ]]; then
            have_kind=1
            case "$word" in
                filenames) compopt -o filenames 2>/dev/null ;;
                attrs) compopt -o nospace 2>/dev/null ;;
            esac
        else
            COMPREPLY+=("$word")
        fi
    done < <(NIX_GET_COMPLETIONS=$cword "${words[@]}" 2>/dev/null)
    if declare -F __ltrim_colon_completions >/dev/null; then
        __ltrim_colon_completions "${words[cword]}"
    fi
}
complete -F _firn_complete nix firn
