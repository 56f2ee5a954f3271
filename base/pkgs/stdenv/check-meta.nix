# `meta`: completing what a package says of itself, and refusing what the configuration does not allow.
{ lib, config, system }:
let
  list = value: if builtins.isList value then value else [ value ];
  licences = meta: list (meta.license or [ ]);
  isUnfree = meta: builtins.any (licence: builtins.isAttrs licence && !(licence.free or true)) (licences meta);
  # A platform is the name of a system or a pattern over one; patterns are taken as fitting.
  supports = meta: !(meta ? platforms)
    || builtins.any (platform: if builtins.isString platform then platform == system else true) meta.platforms;
  named = attrs: name: attrs.pname or (builtins.parseDrvName name).name;

  allow = option: variable: config.${option} or false || builtins.getEnv variable == "1";

  refusal = { what, name, meta, option, variable, predicate ? null }: ''
    Package ‘${name}’ in ${meta.position or "an unknown place"} ${what}, refusing to evaluate.

    To use it all the same, either
    a) for one command: export ${variable}=1 (with flakes also pass --impure), or
    b) set ${lib.optionalString (predicate != null) "${predicate}, or, for all packages, "}config.${option} = true; where the package set is imported.'';
in
{
  complete = { attrs, name, outputs }:
    let
      meta = attrs.meta or { };
      position = attrs.pos or (builtins.unsafeGetAttrPos (if attrs ? pname then "pname" else "name") attrs);
    in
    {
      inherit name;
      outputsToInstall =
        [ (if builtins.elem "bin" outputs then "bin" else if builtins.elem "out" outputs then "out" else builtins.head outputs) ]
        ++ lib.optional (builtins.elem "man" outputs) "man";
    }
    // lib.optionalAttrs (position != null) { position = "${position.file}:${toString position.line}"; }
    // meta
    // {
      broken = meta.broken or false;
      unfree = isUnfree meta;
      insecure = (meta.knownVulnerabilities or [ ]) != [ ];
      unsupported = !(supports meta);
    };

  problem = { attrs, name, meta }:
    if meta.unfree && !allow "allowUnfree" "NIXPKGS_ALLOW_UNFREE"
      && !((config.allowUnfreePredicate or (_: false)) (attrs // { inherit name; pname = named attrs name; }))
    then refusal { inherit name meta; what = "has an unfree license"; option = "allowUnfree"; variable = "NIXPKGS_ALLOW_UNFREE"; predicate = "config.allowUnfreePredicate"; }
    else if meta.broken && !allow "allowBroken" "NIXPKGS_ALLOW_BROKEN"
    then refusal { inherit name meta; what = "is marked as broken"; option = "allowBroken"; variable = "NIXPKGS_ALLOW_BROKEN"; }
    else if meta.unsupported && !allow "allowUnsupportedSystem" "NIXPKGS_ALLOW_UNSUPPORTED_SYSTEM"
    then refusal { inherit name meta; what = "is not available on ‘${system}’"; option = "allowUnsupportedSystem"; variable = "NIXPKGS_ALLOW_UNSUPPORTED_SYSTEM"; }
    else if meta.insecure && !builtins.elem name (config.permittedInsecurePackages or [ ]) && !allow "allowInsecure" "NIXPKGS_ALLOW_INSECURE"
    then refusal {
      inherit name meta; what = "is marked as insecure (${lib.concatStringsSep ", " meta.knownVulnerabilities})";
      option = "allowInsecure"; variable = "NIXPKGS_ALLOW_INSECURE"; predicate = "config.permittedInsecurePackages = [ \"${name}\" ]";
    }
    else null;
}
