# Programs that run another platform's programs.
{ lib }:
platform:
let
  # The emulator's path, or null if there is none, from a package set.
  emulator =
    pkgs:
    if pkgs.stdenv.hostPlatform.canExecute platform then
      # nothing is in the way
      lib.meta.getExe (pkgs.writeShellScriptBin "exec" ''exec "$@"'')
    else if platform.isWindows then
      "${(pkgs.winePackagesFor "wine${toString platform.parsed.cpu.bits}").minimal}/bin/wine"
    else if platform.isLinux && pkgs.stdenv.hostPlatform.isLinux && platform.qemuArch != null then
      "${pkgs.qemu-user}/bin/qemu-${platform.qemuArch}"
    else if platform.isWasi then
      "${pkgs.wasmtime}/bin/wasmtime"
    else if platform.isMmix then
      "${pkgs.mmixware}/bin/mmix"
    else if platform.isGhcjs then
      "${pkgs.nodejs-slim}/bin/node"
    else
      null;

  # The same question without evaluating packages.
  available =
    pkgs:
    let
      host = pkgs.stdenv.hostPlatform;
    in
    host.canExecute platform
    || platform.isWindows
    || (platform.isLinux && host.isLinux && platform.qemuArch != null)
    || platform.isWasi
    || platform.isMmix
    || platform.isGhcjs;
in
{
  # Whether `emulator` gives a program.
  emulatorAvailable = available;

  # Whether there is one that needs no libraries, as programs in a build need it.
  staticEmulatorAvailable =
    pkgs: available pkgs && (platform.isLinux || platform.isWasi || platform.isMmix);

  # A program that runs this platform's programs, from a package set.
  emulator =
    pkgs:
    let
      found = emulator pkgs;
    in
    if found == null then
      throw "Don't know how to run ${platform.config} executables."
    else
      found;
}
