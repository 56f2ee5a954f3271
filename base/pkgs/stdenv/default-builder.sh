# What a derivation made by mkDerivation runs, unless it brings its own builder.
if [ -e "${NIX_ATTRS_SH_FILE:-}" ]; then source "$NIX_ATTRS_SH_FILE"; elif [ -e .attrs.sh ]; then source .attrs.sh; fi
source "$stdenv/setup"
genericBuild
