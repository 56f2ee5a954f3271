# Values in every format of `pkgs.formats`, as a set of texts; the expected ones are in formats.expected.
{ lib }:
let
  formats = import ../../base/pkgs/formats {
    inherit lib;
    writeText = _: text: text;
  };
  text = format: value: format.generate "file" value;
in
{
  toml = text (formats.toml { }) {
    a = 1;
    b.c = "x\"y";
    b.d.e = [ 1 2 ];
    l = [ { x = 1; } { y.z = 1.0; } ];
    "k k" = true;
    empty = { };
  };
  yaml = text (formats.yaml { }) {
    a = 1;
    b = [ 1 { c = "x"; d = [ ]; } [ 2 3 ] ];
    "yes" = null;
    e = { };
    s = "a: b\n";
  };
  json = text (formats.json { }) { a = [ 1 null ]; };
  ini = text (formats.ini { listsAsDuplicateKeys = true; }) { s = { a = [ 1 2 ]; b = true; }; };
  iniJoined = text (formats.ini { listToValue = lib.concatMapStringsSep "," toString; }) { s.a = [ 1 2 ]; };
  iniWithGlobalSection = text (formats.iniWithGlobalSection { }) { globalSection.g = 1; sections.s.a = 2; };
  gitIni = text (formats.gitIni { }) { user.name = "x"; };
  keyValue = text (formats.keyValue { }) { a = 1; b = "x"; };
  systemd = text (formats.systemd { }) { Unit = { After = [ "a" "b" ]; X = null; }; };
  javaProperties = text (formats.javaProperties { }) { "a b" = " x=1"; n = "1"; };
  lua = text (formats.lua { }) { a = 1; b = [ true ]; };
  pythonVars = text (formats.pythonVars { }) { _imports = [ "os" ]; A = true; B = { x = null; y = [ 1 "s" ]; }; };
  nixConf = text (formats.nixConf { }) { cores = 4; substituters = [ "a" "b" ]; extra-foo = true; };
  xml = text (formats.xml { }) { root = { "@id" = 1; "#text" = "t&"; child = [ "a" { "@k" = "v"; } ]; }; };

  # What types refuse and join.
  types =
    let
      merged = type: definitions:
        builtins.tryEval (
          let value = (lib.mergeDefinitions [ "settings" ] type (map (value: { file = "f"; inherit value; }) definitions)).mergedValue; in
          builtins.deepSeq value value
        );
      shown = type: definitions: let result = merged type definitions; in if result.success then builtins.toJSON result.value else "an error";
    in
    lib.concatLines [
      (shown (formats.json { }).type [ { a.b = 1; } { a.c = [ null ]; } ])
      (shown (formats.toml { }).type [ { a = null; } ])
      (shown (formats.ini { }).type [ { s.a = [ 1 ]; } ])
      (shown (formats.ini { listsAsDuplicateKeys = true; }).type [ { s.a = [ 1 ]; } { s.b = 2; } ])
      (shown (formats.keyValue { }).type [ { a = { }; } ])
      (shown (formats.ini { listsAsDuplicateKeys = true; atomsCoercedToLists = true; }).type [ { s.a = [ 1 ]; } { s.a = 2; } ])
    ];
}
