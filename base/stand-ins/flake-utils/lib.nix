# What flake-utils offers under `lib`, written anew.
let
  inherit (builtins)
    attrNames concatMap concatStringsSep elem filter foldl' isAttrs isFunction listToAttrs mapAttrs tryEval;

  defaultSystems = [ "aarch64-darwin" "aarch64-linux" "i686-linux" "x86_64-darwin" "x86_64-linux" ];
  moreSystems = [
    "aarch64-genode" "aarch64-netbsd" "armv5tel-linux" "armv6l-linux" "armv7l-linux" "i686-cygwin" "i686-darwin"
    "i686-freebsd" "mips64el-linux" "powerpc64le-linux" "riscv64-linux" "s390x-linux" "x86_64-cygwin" "x86_64-freebsd"
    "x86_64-netbsd" "x86_64-windows"
  ];
  allSystems = defaultSystems ++ moreSystems;
  named = names: listToAttrs (map (name: { inherit name; value = name; }) names);

  # { x = 1; } for each system becomes { x = { SYSTEM = 1; … }; }.
  eachSystem = systems: make:
    let
      made = listToAttrs (map (system: { name = system; value = make system; }) systems);
      # Outputs that any system has, once each.
      outputs = attrNames (foldl' (all: system: all // made.${system}) { } systems);
      having = output: filter (system: made.${system} ? ${output}) systems;
      # Jobs are by name first and by system then.
      jobs = foldl'
        (all: system: all // mapAttrs (name: job: (all.${name} or { }) // { ${system} = job; }) made.${system}.hydraJobs)
        { }
        (having "hydraJobs");
    in
    listToAttrs (map
      (output: {
        name = output;
        value =
          if output == "hydraJobs" then jobs
          else listToAttrs (map (system: { name = system; value = made.${system}.${output}; }) (having output));
      })
      outputs);

  # Outputs as they are, without a level for systems put in between: the caller has it already.
  eachSystemPassThrough = systems: make: foldl' (all: system: all // make system) { } systems;

  isDerivation = value: isAttrs value && (value.type or "") == "derivation";

  # Nested sets of packages as one set with names joined by slashes; only sets that say `recurseForDerivations` are entered.
  flattenTree = tree:
    let
      walk = prefix: set: concatMap (name: entry (prefix ++ [ name ]) set.${name}) (attrNames set);
      entry = path: value:
        let evaluated = tryEval value; in
        if !evaluated.success || !isAttrs value then [ ]
        else if isDerivation value then [ { name = concatStringsSep "/" path; inherit value; } ]
        else if value.recurseForDerivations or false then walk path (removeAttrs value [ "recurseForDerivations" ])
        else [ ];
    in
    listToAttrs (walk [ ] tree);

  # The packages that are for a system and not broken.
  filterPackages = system: packages:
    let
      good = package:
        let meta = package.meta or { }; in
        isDerivation package
        && !(meta.broken or false)
        && elem system (meta.hydraPlatforms or meta.platforms or [ system ]);
    in
    listToAttrs (concatMap
      (name: if good packages.${name} then [ { inherit name; value = packages.${name}; } ] else [ ])
      (attrNames packages));
in
rec {
  inherit allSystems defaultSystems eachSystem eachSystemPassThrough filterPackages flattenTree;

  system = named allSystems;
  eachDefaultSystem = eachSystem defaultSystems;
  eachDefaultSystemPassThrough = eachSystemPassThrough defaultSystems;
  eachSystemMap = systems: make: listToAttrs (map (name: { inherit name; value = make name; }) systems);
  eachDefaultSystemMap = eachSystemMap defaultSystems;
  mapPackages = f: mapAttrs (_: f);

  mkApp = { drv, name ? drv.pname or drv.name, exePath ? drv.passthru.exePath or "/bin/${name}" }: {
    type = "app";
    program = "${drv}${exePath}";
  };

  simpleFlake =
    { self, nixpkgs, name, overlay ? null, preOverlays ? [ ], shell ? null, config ? { }, systems ? defaultSystems }:
    eachSystem systems (system:
      let
        given = value: if value == null then [ ] else [ (if isFunction value then value else import value) ];
        pkgs = import nixpkgs { inherit system config; overlays = preOverlays ++ given overlay; };
        own = pkgs.${name} or { };
        packages = own.packages or own;
      in
      {
        legacyPackages = own;
        packages = flattenTree (if own ? defaultPackage then packages // { default = own.defaultPackage; } else packages);
      }
      // (if shell == null then { } else { devShells.default = builtins.head (given shell) { inherit pkgs; }; }));
}
