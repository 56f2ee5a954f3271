# mkDerivation: from a package's attributes to a derivation with the interface that users of packages know.
{ lib, config, stdenv, checkMeta }:
let
  inherit (builtins) isFunction isList isAttrs isString isBool isInt removeAttrs elem head attrNames filter;

  # Only these are about the package and not about its build.
  notForTheBuilder = [
    "meta" "passthru" "pos" "checkInputs" "nativeCheckInputs" "installCheckInputs" "nativeInstallCheckInputs"
    "env" "builder" "realBuilder" "args" "__structuredAttrs" "stdenv" "finalPackage" "hardeningEnable" "hardeningDisable"
  ];

  dependencyAttrs = [
    "depsBuildBuild" "depsBuildBuildPropagated" "nativeBuildInputs" "propagatedNativeBuildInputs" "depsBuildTarget"
    "depsBuildTargetPropagated" "depsHostHost" "depsHostHostPropagated" "buildInputs" "propagatedBuildInputs"
    "depsTargetTarget" "depsTargetTargetPropagated"
  ];

  # A dependency stands for its development output, where it has one. Lists may be nested; nulls are left out.
  dependency = package: attr: dep:
    if dep == null then [ ]
    else if isList dep then lib.concatMap (dependency package attr) dep
    else if isAttrs dep || builtins.isPath dep || isString dep then
      [ (if isAttrs dep && !(dep.outputSpecified or false) then dep.dev or dep.out or dep else dep) ]
    else throw "dependency in ${attr} of ${package} is neither a derivation, a path nor a string but a ${builtins.typeOf dep}";

  mkDerivation = fnOrAttrs:
    if isFunction fnOrAttrs then fromFixpoint fnOrAttrs else fromFixpoint (_: fnOrAttrs);

  fromFixpoint = rattrs:
    let
      args = rattrs (args // { inherit finalPackage overrideAttrs; });
      overrideAttrs = change: fromFixpoint (final:
        let
          previous = rattrs final;
          changed =
            if !isFunction change then change
            else let once = change previous; in
              # `previous: …` and `final: previous: …` are both in use.
              if isFunction once then change final previous else once;
        in
        previous // changed);
      finalPackage = build overrideAttrs args;
    in
    finalPackage;

  build = overrideAttrs: attrs:
    let
      name =
        if attrs ? pname then "${attrs.pname}${lib.optionalString (attrs ? version && attrs.version != null && attrs.version != "") "-${attrs.version}"}"
        else attrs.name or (throw "mkDerivation: give pname and version, or name");
      structured = attrs.__structuredAttrs or config.structuredAttrsByDefault or false;
      doCheck = attrs.doCheck or config.doCheckByDefault or false;
      doInstallCheck = attrs.doInstallCheck or config.doCheckByDefault or false;

      extra = {
        nativeBuildInputs = lib.optionals doCheck (attrs.nativeCheckInputs or [ ])
          ++ lib.optionals doInstallCheck (attrs.nativeInstallCheckInputs or [ ]);
        buildInputs = lib.optionals doCheck (attrs.checkInputs or [ ])
          ++ lib.optionals doInstallCheck (attrs.installCheckInputs or [ ]);
      };
      dependencies = builtins.listToAttrs (map
        (attr: { name = attr; value = dependency name attr ((attrs.${attr} or [ ]) ++ extra.${attr} or [ ]); })
        dependencyAttrs);

      env = attrs.env or { };
      checkedEnv = lib.mapAttrs
        (n: v:
          if attrs ? ${n} && !structured then throw "${name}: '${n}' is given both in env and as an attribute"
          else if isString v || isBool v || isInt v || lib.isDerivation v || builtins.isPath v then v
          else throw "${name}: env.${n} must be a string, an integer, a boolean or a derivation, but is a ${builtins.typeOf v}")
        env;

      outputs = attrs.outputs or [ "out" ];

      derivationArg = removeAttrs attrs notForTheBuilder // checkedEnv // dependencies // {
        inherit name;
        system = attrs.system or stdenv.system;
        builder = attrs.realBuilder or stdenv.shell;
        args = attrs.args or [ "-e" (attrs.builder or ./default-builder.sh) ];
        inherit stdenv;
        userHook = config.stdenv.userHook or null;
        __ignoreNulls = true;
        strictDeps = attrs.strictDeps or config.strictDepsByDefault or false;
        inherit doCheck doInstallCheck;
        configureFlags =
          let flags = attrs.configureFlags or [ ];
          in if isList flags then flags else throw "${name}: configureFlags must be a list of strings";
        patches = attrs.patches or [ ];
        inherit outputs;
      } // lib.optionalAttrs (attrs.enableParallelBuilding or false) {
        enableParallelBuilding = true;
        enableParallelChecking = attrs.enableParallelChecking or true;
        enableParallelInstalling = attrs.enableParallelInstalling or true;
      } // lib.optionalAttrs structured { __structuredAttrs = true; };

      meta = checkMeta.complete { inherit attrs name outputs; };
      problem = checkMeta.problem { inherit attrs name meta; };
      drv = derivation derivationArg;
      guard = value: if problem == null then value else throw problem;
      passthru = attrs.passthru or { };

      common = {
        inherit name overrideAttrs passthru;
        # The attributes as they were written, lists of dependencies and all.
        drvAttrs = derivationArg;
        meta = meta // { available = problem == null; };
        # Builds nothing but what building needs.
        inputDerivation = derivation (removeAttrs derivationArg [ "outputHash" "outputHashAlgo" "outputHashMode" "outputs" "allowedReferences" "allowedRequisites" "disallowedReferences" "disallowedRequisites" ] // {
          name = "inputs-of-${name}";
          outputs = [ "out" ];
          args = [ "-c" "export > $out" ];
        });
      } // lib.optionalAttrs (attrs ? pos) { inherit (attrs) pos; };

      # Every output is the package with another outPath.
      outputOf = outputName: drv.${outputName} // common // passthru // attrsOfOutputs // {
        inherit outputName;
        outPath = guard drv.${outputName}.outPath;
        drvPath = guard drv.drvPath;
        outputSpecified = true;
      };
      attrsOfOutputs = builtins.listToAttrs (map (o: { name = o; value = outputOf o; }) outputs);
    in
    drv // attrs' attrs // common // attrsOfOutputs // passthru // {
      all = map outputOf outputs;
      outPath = guard drv.outPath;
      drvPath = guard drv.drvPath;
      inherit (common) meta;
    };

  # What the caller wrote stays visible (`pkg.src`, `pkg.version` …) with dependencies as written.
  attrs' = attrs: removeAttrs attrs [ "meta" "passthru" "env" "builder" "args" "outputs" "realBuilder" ] // (attrs.env or { });
in
{
  inherit mkDerivation;
}
