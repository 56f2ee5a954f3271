#!@shell@
# Calls the compiler with the folders of the C library and of the build's inputs.
# NIX_CFLAGS_COMPILE, NIX_CXXSTDLIB_COMPILE, NIX_CFLAGS_LINK and NIX_LDFLAGS add flags; NIX_DEBUG=1 shows the call.
link=1
for argument in "$@"; do
  case $argument in
    -c | -S | -E | -M | -MM | -fsyntax-only) link=0 ;;
    -print-* | --print-* | -dumpversion | -dumpmachine | --version) exec @program@ -B@toolchain@/bin/ -B@libcDev@/@multiarch@/ "$@" ;;
  esac
done
before=(-B@out@/bin/ -B@libcDev@/@multiarch@/ -B@libc@/@multiarch@/)
after=(-idirafter @libcDev@/include -idirafter @libcDev@/include/x86_64-linux-gnu)
read -r -d '' -a words <<<"${NIX_CFLAGS_COMPILE_BEFORE:-}"; before+=("${words[@]}")
read -r -d '' -a words <<<"${NIX_CFLAGS_COMPILE:-}"; after=("${words[@]}" "${after[@]}")
if [ "@language@" = c++ ]; then
  read -r -d '' -a words <<<"${NIX_CXXFLAGS_COMPILE:-}"; after=("${words[@]}" "${after[@]}")
fi
if [ $link = 1 ] && [ $# -gt 0 ]; then
  read -r -d '' -a words <<<"${NIX_CFLAGS_LINK:-}"; after+=("${words[@]}")
fi
if [ "${NIX_DEBUG:-0}" != 0 ]; then printf '%s\n' "calling @program@:" "${before[@]/#/  }" "${@/#/  }" "${after[@]/#/  }" >&2; fi
# GCC looks for its parts from its own name, so that it must be called by it.
exec @program@ "${before[@]}" "$@" "${after[@]}"
