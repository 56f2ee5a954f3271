# Writes the store paths of a closure, and the registration that `nix-store --load-db` reads: path, hash, size, no deriver, references.
source "$NIX_ATTRS_SH_FILE"
out=${outputs[out]}
mkdir "$out"
jq -r '.closure | map(.narSize) | add' <"$NIX_ATTRS_JSON_FILE" >"$out/total-nar-size"
jq -r '.closure[] | [.path, .narHash, (.narSize | tostring), "", (.references | length | tostring)] + .references | join("\n")' <"$NIX_ATTRS_JSON_FILE" >"$out/registration"
jq -r '.closure[].path' <"$NIX_ATTRS_JSON_FILE" >"$out/store-paths"
