# Nix itself: /etc/nix/nix.conf, the daemon, builders of other machines, the registry.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption mkIf types;
  cfg = config.nix;
  atom = types.nullOr (types.oneOf [ types.bool types.int types.float types.str types.path types.package ]);
  show = v: if v == null then "" else if builtins.isBool v then lib.boolToString v else if builtins.isList v then lib.concatMapStringsSep " " show v else toString v;
  keyValue = lib.concatStrings (lib.mapAttrsToList (n: v: "${n} = ${show v}\n") (lib.filterAttrs (n: _: !lib.hasPrefix "extra-" n) cfg.settings))
    + lib.concatStrings (lib.mapAttrsToList (n: v: "${n} = ${show v}\n") (lib.filterAttrs (n: _: lib.hasPrefix "extra-" n) cfg.settings));
  strings = default: description: mkOption { type = types.listOf types.str; inherit default description; };
  machine = types.submodule {
    options = {
      hostName = mkOption { type = types.str; description = "The machine's name."; };
      protocol = mkOption { type = types.enum [ null "ssh" "ssh-ng" ]; default = "ssh"; description = "How it is talked to."; };
      system = mkOption { type = types.nullOr types.str; default = null; description = "What it builds for."; };
      systems = strings [ ] "What it builds for.";
      sshUser = mkOption { type = types.nullOr types.str; default = null; description = "The user there."; };
      sshKey = mkOption { type = types.nullOr types.str; default = null; description = "The key's file."; };
      maxJobs = mkOption { type = types.int; default = 1; description = "How many builds it takes."; };
      speedFactor = mkOption { type = types.int; default = 1; description = "How quick it is."; };
      mandatoryFeatures = strings [ ] "Features that a build must ask for.";
      supportedFeatures = strings [ ] "Features that it has.";
      publicHostKey = mkOption { type = types.nullOr types.str; default = null; description = "Its key, base64."; };
    };
  };
  dash = v: if v == null || v == "" then "-" else v;
  machineLine = m: "${lib.optionalString (m.protocol != null) "${m.protocol}://"}${lib.optionalString (m.sshUser != null) "${m.sshUser}@"}${m.hostName} ${if m.system != null then m.system else if m.systems != [ ] then lib.concatStringsSep "," m.systems else "-"} ${dash m.sshKey} ${toString m.maxJobs} ${toString m.speedFactor} ${dash (lib.concatStringsSep "," (m.mandatoryFeatures ++ m.supportedFeatures))} ${dash (lib.concatStringsSep "," m.mandatoryFeatures)} ${dash m.publicHostKey}\n";
in
{
  options.nix = {
    enable = mkOption { type = types.bool; default = true; description = "Whether Nix is there."; };
    package = mkOption { type = types.package; default = config.system.firn; defaultText = "pkgs.firn"; description = "The package that is `nix`."; };
    settings = mkOption {
      default = { };
      description = "The contents of nix.conf.";
      type = types.submodule {
        freeformType = types.attrsOf (types.either atom (types.listOf atom));
        options = {
          max-jobs = mkOption { type = types.either types.int (types.enum [ "auto" ]); default = "auto"; description = "How many builds run at once."; };
          cores = mkOption { type = types.int; default = 0; description = "How many cores a build uses; 0 means all."; };
          sandbox = mkOption { type = types.either types.bool (types.enum [ "relaxed" ]); default = true; description = "Whether builds are isolated."; };
          auto-optimise-store = mkOption { type = types.bool; default = false; description = "Whether equal files are stored once."; };
          require-sigs = mkOption { type = types.bool; default = true; description = "Whether paths from elsewhere must be signed."; };
          trusted-users = strings [ "root" ] "Users with more rights.";
          allowed-users = strings [ "*" ] "Users who may build.";
          substituters = strings [ ] "Caches.";
          trusted-substituters = strings [ ] "Caches that every user may choose.";
          trusted-public-keys = strings [ ] "Keys that caches may sign with.";
          system-features = strings [ "nixos-test" "benchmark" "big-parallel" "kvm" ] "Features that the machine has.";
          extra-sandbox-paths = strings [ ] "Paths that builds see.";
        };
      };
    };
    extraOptions = mkOption { type = types.lines; default = ""; description = "More lines of nix.conf."; };
    checkConfig = mkOption { type = types.bool; default = true; description = "Without effect."; };
    nixPath = strings [ "nixpkgs=/etc/nix/path/nixpkgs" "nixos-config=/etc/nixos/configuration.nix" ] "The search path.";
    channel.enable = mkOption { type = types.bool; default = true; description = "Whether channels are used."; };
    registry = mkOption {
      default = { };
      description = "Names of flakes.";
      type = types.attrsOf (types.submodule ({ name, config, ... }: {
        options = {
          from = mkOption { type = types.attrsOf types.raw; default = { type = "indirect"; id = name; }; description = "What is written."; };
          to = mkOption { type = types.attrsOf types.raw; description = "What is meant."; };
          flake = mkOption { type = types.nullOr types.attrs; default = null; description = "The flake that is meant."; };
          exact = mkOption { type = types.bool; default = true; description = "Whether branches are excluded."; };
        };
        config.to = mkIf (config.flake != null) (lib.mkDefault ({ type = "path"; path = "${config.flake}"; } // lib.filterAttrs (n: _: builtins.elem n [ "lastModified" "rev" "revCount" "narHash" ]) config.flake));
      }));
    };
    buildMachines = mkOption { type = types.listOf machine; default = [ ]; description = "Machines that builds may run on."; };
    distributedBuilds = mkOption { type = types.bool; default = false; description = "Whether they are used."; };
    daemonCPUSchedPolicy = mkOption { type = types.enum [ "other" "batch" "idle" ]; default = "other"; description = "The priority of builds."; };
    daemonIOSchedClass = mkOption { type = types.enum [ "best-effort" "idle" ]; default = "best-effort"; description = "The disk's priority of builds."; };
    nrBuildUsers = mkOption { type = types.int; default = 0; description = "How many users builds run as; 0 takes ranges of numbers that no user has."; };
    sshServe = {
      enable = mkOption { type = types.bool; default = false; description = "Whether the store is served by ssh."; };
      keys = strings [ ] "Keys that may read it.";
    };
  };
  config = mkIf cfg.enable {
    environment.systemPackages = [ cfg.package ];
    nix.settings = {
      substituters = lib.mkAfter [ "https://cache.nixos.org/" ];
      trusted-public-keys = [ "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=" ];
      experimental-features = lib.mkDefault [ "nix-command" "flakes" ];
      builders = mkIf (!cfg.distributedBuilds) null;
    };
    environment.etc = {
      "nix/nix.conf".text = "# Made from the options ‘nix.settings’ and ‘nix.extraOptions’.\n${keyValue}${cfg.extraOptions}";
      "nix/registry.json".text = builtins.toJSON { version = 2; flakes = lib.mapAttrsToList (_: v: { inherit (v) from to exact; }) cfg.registry; };
      "nix/machines" = mkIf (cfg.buildMachines != [ ]) { text = lib.concatMapStrings machineLine cfg.buildMachines; };
    };
    assertions = map (m: { assertion = m.system != null || m.systems != [ ]; message = "nix.buildMachines: ${m.hostName} has no system: set ‘system’ or ‘systems’."; }) cfg.buildMachines;
    # Without such users builds run with numbers that nobody has.
    users.groups = mkIf (cfg.nrBuildUsers > 0) { nixbld.gid = 30000; };
    users.users = lib.listToAttrs (lib.genList (i: lib.nameValuePair "nixbld${toString (i + 1)}" { uid = 30001 + i; group = "nixbld"; extraGroups = [ "nixbld" ]; isSystemUser = true; description = "Nix build user ${toString (i + 1)}"; }) cfg.nrBuildUsers);
  };
}
