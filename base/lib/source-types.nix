# Where the files of a package come from, for `meta.sourceProvenance`.
{ ... }:
builtins.mapAttrs (shortName: isSource: { inherit shortName isSource; }) {
  # built from source, all of it
  fromSource = true;
  # machine code that somebody else built
  binaryNativeCode = false;
  # code for a virtual machine that somebody else built
  binaryBytecode = false;
  # code for other processors, loaded into devices
  binaryFirmware = false;
  # source that nobody would edit
  obfuscatedCode = false;
}
