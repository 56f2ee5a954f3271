# Puts the parts of the generic builder together.
mkdir -p "$out"
{
  printf '%s\n' "# The generic builder. Made of: ${setup//*-/}"
  printf 'export SHELL=%q\n' "$shell"
  printf 'initialPath=%q\n' "$initialPath"
  printf 'defaultNativeBuildInputs=%q\n' "$defaultNativeBuildInputs"
  printf 'defaultBuildInputs=%q\n' "$defaultBuildInputs"
  for part in $setup; do
    printf '\n'
    cat "$part"
  done
} >"$out/setup"
