#compdef nix firn
# Completion of nix and firn for zsh.
_firn_complete() {
    local ifs_bk="$IFS" line kind
    local -a input=("${(Q)words[@]}") answers completions
    input[$CURRENT]="${(Q)words[$CURRENT]}"
    IFS=$'\n'
    answers=($(NIX_GET_COMPLETIONS=$((CURRENT - 1)) "$input[@]" 2>/dev/null))
    IFS="$ifs_bk"
    kind="${answers[1]}"
    local -a suffix
    [[ $kind == attrs || $kind == filenames ]] && suffix=(-S '')
    for line in "${answers[@]:1}"; do
        completions+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done
    _describe 'nix' completions "${suffix[@]}" -Q
}
if [ "$funcstack[1]" = "_firn_complete" ] || [ "$funcstack[1]" = "_nix" ]; then
    _firn_complete "$@"
else
    compdef _firn_complete nix firn
fi
