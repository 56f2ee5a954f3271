# Completion of nix and firn for fish.
function _firn_complete
    # finished words, then the one under the cursor
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    set -l answers (env NIX_GET_COMPLETIONS=(count $words) $words $current 2>/dev/null)
    test (count $answers) -gt 1; and printf '%s\n' $answers[2..-1]
end
for program in nix firn
    complete --command $program --no-files --keep-order --arguments '(_firn_complete)'
end
