# A kernel of Debian as machines want it: bzImage, the plain vmlinux (which QEMU starts at once), modules with their index.
{ lib, units, unit, fast }:
let
  image = units.${unit};
  modDirVersion = lib.removePrefix "linux-image-" unit;
  version = builtins.head (builtins.match "([0-9.]+).*" modDirVersion);

  modules = fast "linux-modules-${modDirVersion}" { tools = [ units.kmod ]; image = "${image}"; inherit modDirVersion; } ''
    mkdir -p "$out/lib/modules/$modDirVersion"
    ln -s "$image/lib/modules/$modDirVersion/kernel" "$out/lib/modules/$modDirVersion/kernel"
    cp "$image/lib/modules/$modDirVersion"/modules.* "$out/lib/modules/$modDirVersion/"
    chmod -R u+w "$out"
    depmod -b "$out" "$modDirVersion"
  '';

  kernel = fast "linux-${modDirVersion}" { tools = [ units.xz-utils units.zstd units.gzip units.grep ]; image = "${image}"; inherit modDirVersion; } ''
    mkdir -p "$out"
    ln -s "$image/boot/vmlinuz-$modDirVersion" "$out/bzImage"
    ln -s "$image/boot/config-$modDirVersion" "$out/config"
    # The kernel inside bzImage begins where a compressed stream with an ELF file in it does.
    try() {
      local offset
      while IFS=: read -r offset _; do
        tail -c +$((offset + 1)) "$out/bzImage" | $2 >vmlinux 2>/dev/null || true
        if [ "$(head -c 4 vmlinux | od -An -c | tr -d ' ')" = '177ELF' ]; then mv vmlinux "$out/vmlinux"; return 0; fi
      done < <(LC_ALL=C grep -obUaP "$1" "$out/bzImage")
      return 1
    }
    try '\xFD7zXZ\x00' 'xz -dc --single-stream' || try '\x28\xB5\x2F\xFD' 'zstd -dc' || try '\x1f\x8b\x08' 'gzip -dc' ||
      { echo "error: no kernel was found in $out/bzImage" >&2; exit 1; }
  '';
in
kernel // {
  inherit version modDirVersion modules;
  pname = "linux";
  baseVersion = version;
  vmlinux = true;
  kernelOlder = lib.versionOlder version;
  kernelAtLeast = lib.versionAtLeast version;
  config = { isEnabled = _: true; };
  meta = { description = "The Linux kernel of Debian"; license = lib.licenses.gpl2Only or null; platforms = [ "x86_64-linux" ]; priority = 5; };
}
