#!@shell@
# Calls the linker with the dynamic linker of the store's C library, the libraries of the build's inputs, and a run path
# that holds just those folders of which a library is used. NIX_DONT_SET_RPATH=1 leaves run paths alone.
arguments=() folders=() libraries=() files=() relocatable= static= dynamic_linker= last=
for argument in "$@"; do
  case $argument in
    @*) # a response file: its words count as arguments
      if [ -f "${argument#@}" ]; then
        eval "arguments+=($(<"${argument#@}"))"
        continue
      fi
      ;;
  esac
  arguments+=("$argument")
done
read -r -d '' -a words <<<"${NIX_LDFLAGS_BEFORE:-}"; arguments=("${words[@]}" "${arguments[@]}")
read -r -d '' -a words <<<"${NIX_LDFLAGS:-} ${NIX_LDFLAGS_AFTER:-}"; arguments+=("${words[@]}")
for argument in "${arguments[@]}"; do
  case $last in
    -L) folders+=("$argument") ;;
    -l) libraries+=("lib$argument.so") ;;
    -dynamic-linker | --dynamic-linker) dynamic_linker=1 ;;
  esac
  case $last in
    -L | -l | -o | -m | -rpath | -rpath-link | -soname | -h | -z | -T | -u | -dynamic-linker | -plugin | --sysroot)
      last=
      continue
      ;;
  esac
  last=
  case $argument in
    -L | -l | -o | -m | -rpath | -rpath-link | -soname | -h | -z | -T | -u | -dynamic-linker | --dynamic-linker | -plugin) last=$argument ;;
    -L*) folders+=("${argument#-L}") ;;
    -l:*) libraries+=("${argument#-l:}") ;;
    -l*) libraries+=("lib${argument#-l}.so") ;;
    -r | -i | --relocatable) relocatable=1 ;;
    -static | --static | -Bstatic) static=1 ;;
    -Bdynamic) static= ;;
    *.so | *.so.*) files+=("$argument") ;;
  esac
done
extra=()
if [ -z "$relocatable" ]; then
  extra+=(-L@libc@/@multiarch@ -L@libcDev@/@multiarch@)
  if [ -z "$static" ]; then
    extra+=(-dynamic-linker @dynamicLinker@)
    if [ -z "${NIX_DONT_SET_RPATH:-}" ]; then
      declare -A added=()
      add_run_path() {
        [[ $1 == "${NIX_STORE:-/nix/store}"/* && -z ${added[$1]:-} ]] || return 0
        added[$1]=1
        extra+=(-rpath "$1")
      }
      # A library for building may be a link to the one for running, which is another package's.
      add_run_path_of() {
        local file=$1
        if [ -L "$file" ]; then file=$(@coreutils@/bin/readlink -f "$file"); fi
        add_run_path "${file%/*}"
      }
      declare -A found=()
      for folder in "${folders[@]}"; do
        [[ $folder == "${NIX_STORE:-/nix/store}"/* ]] || continue
        for library in "${libraries[@]}"; do
          if [ -z "${found[$library]:-}" ] && [ -e "$folder/$library" ]; then
            found[$library]=1
            add_run_path_of "$folder/$library"
          fi
        done
      done
      for file in "${files[@]}"; do [[ $file != */* ]] || add_run_path_of "$file"; done
      IFS=: read -r -a runtime <<<"@runtimePath@"
      for folder in "${runtime[@]}"; do add_run_path "$folder"; done
    fi
  fi
fi
if [ "${NIX_DEBUG:-0}" != 0 ]; then printf '%s\n' "calling @program@:" "${arguments[@]/#/  }" "${extra[@]/#/  }" >&2; fi
exec @program@ "${arguments[@]}" "${extra[@]}"
