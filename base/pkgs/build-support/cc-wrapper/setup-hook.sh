# Headers and libraries of every input reach the compiler.
_ccWrapperAddFlags() {
  local folder
  for folder in "$1/include" "$1/include/x86_64-linux-gnu"; do
    [ ! -d "$folder" ] || export NIX_CFLAGS_COMPILE="${NIX_CFLAGS_COMPILE:-} -isystem $folder"
  done
  for folder in "$1/lib" "$1/lib/x86_64-linux-gnu" "$1/lib64"; do
    [ ! -d "$folder" ] || [ -L "$folder" ] || export NIX_LDFLAGS="${NIX_LDFLAGS:-} -L$folder"
  done
}
addEnvHooks 0 _ccWrapperAddFlags
export CC=${CC:-gcc} CXX=${CXX:-g++} CPP=${CPP:-cpp} LD=${LD:-ld} AR=${AR:-ar} AS=${AS:-as} NM=${NM:-nm} RANLIB=${RANLIB:-ranlib} STRIP=${STRIP:-strip}
export OBJCOPY=${OBJCOPY:-objcopy} OBJDUMP=${OBJDUMP:-objdump} READELF=${READELF:-readelf} SIZE=${SIZE:-size} STRINGS=${STRINGS:-strings}
export NIX_CC=@out@ NIX_BINTOOLS=@out@
# A run path has room for the longest store path, so that shrinking it never moves the file's parts.
export NIX_LDFLAGS=${NIX_LDFLAGS:-} NIX_CFLAGS_COMPILE=${NIX_CFLAGS_COMPILE:-}
