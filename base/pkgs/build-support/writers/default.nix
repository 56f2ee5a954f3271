# `pkgs.writers`: scripts for an interpreter, checked when they are built; and data as files. A script's name may be a path (`/bin/x`),
# then it is that file of the output.
{ lib, units, writeTextFile, writeText, formats, makeWrapper }:
let
  inherit (builtins) isAttrs isPath isString readFile;
  inherit (lib) last splitString hasPrefix;

  isArguments = value: isAttrs value && !lib.isDerivation value;
  nameOf = nameOrPath: last (splitString "/" nameOrPath);
  contentOf = content: if isString content then content else readFile content;

  # makeScriptWriter { interpreter; check ? ""; makeWrapperArgs ? [ ]; } nameOrPath content
  makeScriptWriter = { interpreter, check ? "", makeWrapperArgs ? [ ], ... }: nameOrPath: content:
    assert lib.assertMsg (hasPrefix "/" nameOrPath || builtins.match "[0-9A-Za-z._][0-9A-Za-z._+?=-]*" nameOrPath != null)
      "writers: '${nameOrPath}' is neither a name nor an absolute path";
    assert lib.assertMsg (makeWrapperArgs == [ ] || hasPrefix "/" nameOrPath)
      "writers: only a script with a path in the output can be wrapped; call the writer of programs, or give a path as '/bin/${nameOrPath}'";
    writeTextFile {
      name = nameOf nameOrPath;
      destination = lib.optionalString (hasPrefix "/" nameOrPath) nameOrPath;
      executable = true;
      text = "#!${interpreter}\n${contentOf content}${lib.optionalString (!lib.hasSuffix "\n" (contentOf content)) "\n"}";
      checkPhase = lib.optionalString (check != "") "${check} \"$target\"\n"
        + lib.optionalString (makeWrapperArgs != [ ]) "wrapProgram \"$target\" ${lib.escapeShellArgs makeWrapperArgs}\n";
      derivationArgs = lib.optionalAttrs (makeWrapperArgs != [ ]) { nativeBuildInputs = [ makeWrapper ]; };
      meta = lib.optionalAttrs (hasPrefix "/bin/" nameOrPath) { mainProgram = nameOf nameOrPath; };
    };

  # A writer: name, perhaps arguments, content.
  writer = defaults: name: argumentsOrContent:
    if isArguments argumentsOrContent then makeScriptWriter (defaults // argumentsOrContent) name
    else makeScriptWriter defaults name argumentsOrContent;
  forBin = write: name: write "/bin/${name}";

  bash = { interpreter = "${units.bash}/bin/bash"; check = "${units.bash}/bin/bash -n -O extglob"; };
  dash = { interpreter = "${units.dash}/bin/dash"; check = "${units.dash}/bin/dash -n"; };
  perl = { interpreter = "${units.perl}/bin/perl"; check = "${units.perl}/bin/perl -c"; };

  # Libraries would have to be Debian's, which live beside its interpreter.
  python = name: { libraries ? [ ], flakeIgnore ? [ ], doCheck ? true, makeWrapperArgs ? [ ], ... }: content:
    if libraries != [ ] then
      throw "writers.writePython3: '${name}' wants libraries, and the embedded base has Python's own only: use nixpkgs for it"
    else
      makeScriptWriter {
        inherit makeWrapperArgs;
        interpreter = "${units.python3}/bin/python3";
        check = lib.optionalString doCheck "${units.python3}/bin/python3 -c 'import sys; compile(open(sys.argv[1]).read(), sys.argv[1], \"exec\")'";
      } name content;
in
rec {
  inherit makeScriptWriter writeText;
  makeBinWriter = arguments: forBin (makeScriptWriter arguments);

  writeBash = writer bash;
  writeBashBin = forBin writeBash;
  writeDash = writer dash;
  writeDashBin = forBin writeDash;
  writePerl = name: arguments: content:
    if (arguments.libraries or [ ]) != [ ] then
      throw "writers.writePerl: '${name}' wants libraries, and the embedded base has Perl's own only: use nixpkgs for it"
    else makeScriptWriter (perl // removeAttrs arguments [ "libraries" ]) name content;
  writePerlBin = forBin writePerl;
  writePython3 = python;
  writePython3Bin = forBin writePython3;

  writeJSON = (formats.json { }).generate;
  writeYAML = (formats.yaml { }).generate;
  writeTOML = (formats.toml { }).generate;
}
