# GNU hello, built from source: the smallest package with a configure script.
{ lib, stdenv, sources }:
stdenv.mkDerivation (finalAttrs: {
  pname = "hello";
  version = "2.10";
  src = sources.hello."hello_${finalAttrs.version}.orig.tar.gz";
  doCheck = false;
  meta = {
    description = "Program that produces a familiar, friendly greeting";
    homepage = "https://www.gnu.org/software/hello/";
    license = lib.licenses.gpl3Plus or { spdxId = "GPL-3.0-or-later"; free = true; };
    mainProgram = "hello";
    platforms = [ "x86_64-linux" ];
  };
})
