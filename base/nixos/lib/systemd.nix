# Units of systemd: their options, and their text.
{ lib, pkgs }:
let
  inherit (lib) mkOption types;
  inherit (pkgs) units;

  atom = types.oneOf [ types.bool types.int types.float types.str types.path types.package ];
  # A setting of a unit: one value, or a list for settings that may be given several times. Lists of several modules are joined.
  unitOption = lib.mkOptionType {
    name = "systemd option";
    description = "systemd option: a string, number, boolean, path, or a list of these";
    check = v: atom.check v || v == null || (builtins.isList v && builtins.all atom.check v);
    merge = loc: defs:
      if builtins.any (d: builtins.isList d.value) defs then lib.concatMap (d: lib.toList d.value) defs
      else lib.mergeEqualOption loc defs;
  };
  section = description: mkOption { type = types.attrsOf unitOption; default = { }; inherit description; };
  names = description: mkOption { type = types.listOf types.str; default = [ ]; inherit description; };
  flag = default: description: mkOption { type = types.bool; inherit default description; };

  common = {
    enable = flag true "Whether the unit exists; if not, it is masked.";
    overrideStrategy = mkOption { type = types.enum [ "asDropinIfExists" "asDropin" ]; default = "asDropinIfExists"; description = "Whether the text replaces a packaged unit or adds to it."; };
    description = mkOption { type = types.singleLineStr; default = ""; description = "What the unit is."; };
    documentation = names "Addresses of documentation.";
    requires = names "Units started with this one; if one fails, so does this.";
    wants = names "Units started with this one.";
    upholds = names "Units kept running while this one runs.";
    after = names "Units that are started before this one.";
    before = names "Units that are started after this one.";
    bindsTo = names "Units whose end ends this one.";
    partOf = names "Units that this one is stopped and restarted with.";
    conflicts = names "Units that this one ends.";
    requisite = names "Units that must run already.";
    onFailure = names "Units started when this one fails.";
    onSuccess = names "Units started when this one ends well.";
    unitConfig = section "Settings of the section [Unit].";
    startLimitBurst = mkOption { type = types.nullOr types.int; default = null; description = "How many starts are allowed in the interval."; };
    startLimitIntervalSec = mkOption { type = types.nullOr types.int; default = null; description = "The interval in seconds."; };
    wantedBy = names "Units that start this one.";
    requiredBy = names "Units that start this one and fail with it.";
    upheldBy = names "Units that keep this one running.";
    aliases = names "Other names of the unit.";
    restartTriggers = mkOption { type = types.listOf types.unspecified; default = [ ]; description = "Values whose change restarts the unit at a switch."; };
    reloadTriggers = mkOption { type = types.listOf types.unspecified; default = [ ]; description = "Values whose change reloads the unit at a switch."; };
  };

  path = mkOption { type = types.listOf (types.oneOf [ types.package types.str types.path ]); default = [ ]; description = "Packages whose programs the unit finds."; };
  lines = description: mkOption { type = types.lines; default = ""; inherit description; };
  envValue = types.nullOr (types.oneOf [ types.str types.path types.package types.int types.float ]);

  serviceOnly = {
    environment = mkOption { type = types.attrsOf envValue; default = { }; description = "The environment of its processes."; };
    inherit path;
    serviceConfig = section "Settings of the section [Service].";
    script = lines "Shell code that is the service.";
    scriptArgs = mkOption { type = types.str; default = ""; description = "Arguments of `script`."; };
    preStart = lines "Shell code run before the service starts.";
    postStart = lines "Shell code run when the service has started.";
    reload = lines "Shell code that reloads the service.";
    preStop = lines "Shell code that stops the service.";
    postStop = lines "Shell code run when the service has ended.";
    jobScripts = mkOption { type = types.raw; internal = true; default = [ ]; description = "The scripts made of the shell code."; };
    restartIfChanged = flag true "Whether a changed unit is restarted at a switch.";
    reloadIfChanged = flag false "Whether a changed unit is reloaded instead of restarted.";
    stopIfChanged = flag true "Whether a changed unit is stopped before and started after activation, instead of restarted after it.";
    notSocketActivated = flag false "Whether a changed unit is restarted though a socket starts it.";
    enableDefaultPath = flag true "Whether coreutils, findutils, grep and sed are found.";
    enableStrictShellChecks = flag false "Without effect: the code is only parsed.";
    startAt = mkOption { type = types.either types.str (types.listOf types.str); default = [ ]; apply = lib.toList; description = "Times at which a timer starts the service."; };
    confinement.enable = flag false "Without effect.";
  };

  kinds = {
    service = serviceOnly;
    socket = {
      listenStreams = names "Addresses that are listened on for streams.";
      listenDatagrams = names "Addresses that are listened on for datagrams.";
      socketConfig = section "Settings of the section [Socket].";
    };
    timer.timerConfig = section "Settings of the section [Timer].";
    path.pathConfig = section "Settings of the section [Path].";
    slice.sliceConfig = section "Settings of the section [Slice].";
    target = { };
    mount = {
      what = mkOption { type = types.str; description = "What is mounted."; };
      where = mkOption { type = types.str; description = "Where it is mounted."; };
      type = mkOption { type = types.str; default = ""; description = "The kind of file system."; };
      options = mkOption { type = types.commas; default = ""; description = "Options of the mount."; };
      mountConfig = section "Settings of the section [Mount].";
    };
    automount = {
      where = mkOption { type = types.str; description = "Where it is mounted."; };
      automountConfig = section "Settings of the section [Automount].";
    };
  };

  unitModule = kind: { name, config, ... }: {
    options = common // kinds.${kind} // {
      name = mkOption { type = types.str; default = "${name}.${kind}"; description = "The unit's file name."; };
    };
  };
  unitType = kind: types.submodule (unitModule kind);

  ## Text

  toText = v: if v == true then "true" else if v == false then "false" else if builtins.isPath v then "${v}" else toString v;
  setting = name: value:
    if builtins.isList value then lib.concatMapStrings (v: "${name}=${toText v}\n") value
    else if value == null then "" else "${name}=${toText value}\n";
  attrsToSection = attrs: lib.concatStrings (lib.mapAttrsToList setting attrs);
  sectionText = title: attrs: let body = attrsToSection attrs; in lib.optionalString (body != "") "[${title}]\n${body}";
  oneLine = list: lib.optionalAttrs (list != [ ]);

  unitSection = u:
    let
      join = name: list: lib.optionalAttrs (list != [ ]) { ${name} = toString list; };
      triggers = name: list: lib.optionalAttrs (list != [ ]) { ${name} = toString (map trigger list); };
    in
    lib.optionalAttrs (u.description != "") { Description = u.description; }
    // join "Documentation" u.documentation // join "Requires" u.requires // join "Wants" u.wants // join "Upholds" u.upholds
    // join "After" u.after // join "Before" u.before // join "BindsTo" u.bindsTo // join "PartOf" u.partOf
    // join "Conflicts" u.conflicts // join "Requisite" u.requisite // join "OnFailure" u.onFailure // join "OnSuccess" u.onSuccess
    // triggers "X-Restart-Triggers" u.restartTriggers // triggers "X-Reload-Triggers" u.reloadTriggers
    // lib.optionalAttrs (u.startLimitBurst != null) { StartLimitBurst = u.startLimitBurst; }
    // lib.optionalAttrs (u.startLimitIntervalSec != null) { StartLimitIntervalSec = u.startLimitIntervalSec; }
    // u.unitConfig;
  trigger = t: if builtins.isPath t then "${t}" else if builtins.isAttrs t && !(t ? outPath) then builtins.hashString "sha256" (builtins.toJSON t) else toString t;

  # A script of a unit is a file of the store called after the unit, as `systemctl status` shows it.
  scriptName = unit: builtins.replaceStrings [ "\\" "@" ":" ] [ "-" "_" "_" ] unit;
  shell = name: part: text:
    let bin = "${scriptName name}-${part}"; in
    lib.getExe (pkgs.writeTextFile {
      name = "unit-script-${bin}";
      executable = true;
      destination = "/bin/${bin}";
      text = "#!${units.bash}/bin/bash -e\n${text}\n";
      checkPhase = "${units.bash}/bin/bash -n \"$target\"";
      meta.mainProgram = bin;
    });

  defaultPath = [ units.coreutils units.findutils units.grep units.sed units.systemd ];
  searchPath = u:
    let list = u.path ++ lib.optionals u.enableDefaultPath defaultPath; in
    "${lib.makeBinPath list}:${lib.makeSearchPath "sbin" list}";

  serviceText = globalEnvironment: u:
    let
      name = lib.removeSuffix ".service" u.name;
      quote = n: v: "Environment=${builtins.toJSON "${n}=${if builtins.isPath v then "${v}" else toString v}"}\n";
      env = (lib.optionalAttrs (u.path != [ ] || u.enableDefaultPath) { PATH = searchPath u; }) // globalEnvironment // u.environment;
      scripts =
        lib.optionalAttrs (u.script != "") { ExecStart = [ "${shell name "start" u.script} ${u.scriptArgs}" ]; }
        // lib.optionalAttrs (u.preStart != "") { ExecStartPre = [ (shell name "pre-start" u.preStart) ]; }
        // lib.optionalAttrs (u.postStart != "") { ExecStartPost = [ (shell name "post-start" u.postStart) ]; }
        // lib.optionalAttrs (u.reload != "") { ExecReload = [ (shell name "reload" u.reload) ]; }
        // lib.optionalAttrs (u.preStop != "") { ExecStop = [ (shell name "pre-stop" u.preStop) ]; }
        // lib.optionalAttrs (u.postStop != "") { ExecStopPost = [ (shell name "post-stop" u.postStop) ]; };
      joined = u.serviceConfig // lib.mapAttrs (n: v: v ++ lib.toList (u.serviceConfig.${n} or [ ])) scripts;
    in
    "[Service]\n" + lib.concatStrings (lib.mapAttrsToList (n: v: lib.optionalString (v != null) (quote n v)) env)
    + (if u.reloadIfChanged then "X-ReloadIfChanged=true\n" else lib.optionalString (!u.restartIfChanged) "X-RestartIfChanged=false\n")
    + lib.optionalString (!u.stopIfChanged) "X-StopIfChanged=false\n"
    + lib.optionalString u.notSocketActivated "X-NotSocketActivated=true\n"
    + attrsToSection joined;

  textOf = globalEnvironment: kind: u:
    sectionText "Unit" (unitSection u) + {
      service = "\n" + serviceText globalEnvironment u;
      socket = "\n[Socket]\n" + attrsToSection (u.socketConfig or { }) + lib.concatMapStrings (s: "ListenStream=${s}\n") (u.listenStreams or [ ]) + lib.concatMapStrings (s: "ListenDatagram=${s}\n") (u.listenDatagrams or [ ]);
      timer = "\n[Timer]\n" + attrsToSection (u.timerConfig or { });
      path = "\n[Path]\n" + attrsToSection (u.pathConfig or { });
      slice = "\n[Slice]\n" + attrsToSection (u.sliceConfig or { });
      target = "";
      mount = "\n[Mount]\n" + attrsToSection ({ What = u.what; Where = u.where; } // lib.optionalAttrs (u.type != "") { Type = u.type; } // lib.optionalAttrs (u.options != "") { Options = u.options; } // u.mountConfig);
      automount = "\n[Automount]\n" + attrsToSection ({ Where = u.where; } // u.automountConfig);
    }.${kind};
in
{
  inherit unitOption unitType unitModule common kinds textOf attrsToSection sectionText toText shell;
  lib = { inherit attrsToSection; };
  unitOptions = { inherit unitOption; };
}
