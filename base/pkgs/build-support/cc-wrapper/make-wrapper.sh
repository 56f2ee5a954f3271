# Writes one wrapper a compiler name, one for the linker, and links to the other binary tools.
mkdir -p "$out/bin" "$out/nix-support"
fill() {
  sed -e "s|@shell@|$shell|g" -e "s|@out@|$out|g" -e "s|@program@|$2|g" -e "s|@toolchain@|$toolchain|g" \
    -e "s|@libc@|$libc|g" -e "s|@libcDev@|$libcDev|g" -e "s|@multiarch@|$multiarch|g" \
    -e "s|@runtimePath@|$runtimePath|g" -e "s|@coreutils@|$coreutils|g" -e "s|@dynamicLinker@|$dynamicLinker|g" -e "s|@language@|${3:-c}|g" "$1"
}
for pair in $programs; do
  name=${pair%%=*} target=${pair#*=}
  case $name in *++*) language=c++ ;; *) language=c ;; esac
  fill "$wrapperScript" "$target" "$language" >"$out/bin/$name"
  chmod +x "$out/bin/$name"
done
for tool in as ar ranlib nm strip objdump objcopy readelf strings size addr2line c++filt elfedit gprof dwp; do
  for candidate in "$binutils/bin/$tool" "$binutils/bin/x86_64-linux-gnu-$tool"; do
    if [ -e "$candidate" ]; then
      ln -s "$candidate" "$out/bin/$tool"
      break
    fi
  done
done
for tool in ld ld.bfd ld.gold; do
  target=
  for candidate in "$binutils/bin/x86_64-linux-gnu-$tool" "$binutils/bin/$tool"; do
    if [ -e "$candidate" ]; then target=$candidate && break; fi
  done
  [ -n "$target" ] || continue
  fill "$ldScript" "$target" >"$out/bin/$tool"
  chmod +x "$out/bin/$tool"
done
sed -e "s|@out@|$out|g" "$setupHook" >"$out/nix-support/setup-hook"
echo "$dynamicLinker" >"$out/nix-support/dynamic-linker"
echo "$toolchain" >"$out/nix-support/orig-cc"
echo "$libc" >"$out/nix-support/orig-libc"
