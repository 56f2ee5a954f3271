# The library: everything that is not a package. Each attribute below is a file or folder of its own; the
# functions that most code uses are also attributes of the library itself (`lib.lists.take` is `lib.take`).
#
# The library is extensible: `lib.extend` takes an overlay, as package sets do.
let
  inherit (import ./fixed-points.nix { }) makeExtensible;
  # What only serves to extend a fixed point is no function of the library.
  plain = extensible: removeAttrs extensible [ "__unfix__" ];
in
plain (makeExtensible (
  lib:
  let
    load = file: import file { inherit lib; };
  in
  {
    ## Topics

    trivial = load ./trivial;
    fixedPoints = load ./fixed-points.nix;

    attrsets = load ./attrsets;
    lists = load ./lists;
    strings = load ./strings;
    stringsWithDeps = load ./strings-with-deps.nix;
    versions = load ./versions.nix;
    path = load ./path;
    filesystem = load ./filesystem.nix;
    sources = load ./sources;
    fileset = load ./fileset;
    network = load ./network;

    customisation = load ./customisation;
    derivations = load ./derivations.nix;
    meta = load ./meta.nix;
    licenses = load ./licenses;
    sourceTypes = load ./source-types.nix;
    maintainers = load ./people/maintainers.nix;
    teams = load ./people/teams.nix;
    fetchers = load ./fetchers.nix;
    flakes = load ./flakes.nix;
    systems = load ./systems;
    platforms = lib.systems.doubles;

    modules = load ./modules;
    options = load ./options;
    types = load ./types;

    generators = load ./generators;
    cli = load ./cli.nix;
    gvariant = load ./gvariant.nix;
    kernel = load ./kernel.nix;
    asserts = load ./asserts.nix;
    debug = load ./debug.nix;
    misc = load ./deprecated;
  }
  // import ./short-names.nix { inherit lib; }
))
