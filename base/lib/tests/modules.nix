# The module system: loading, arguments, joining.
{ lib }:
let
  inherit (lib)
    mkAfter
    mkBefore
    mkDefault
    mkForce
    mkIf
    mkMerge
    mkOption
    mkOptionDefault
    mkOrder
    mkOverride
    types
    ;

  eval = modules: lib.evalModules { inherit modules; };
  config = modules: (eval modules).config;
  fails = value: !(builtins.tryEval (builtins.deepSeq value value)).success;

  intOption = mkOption { type = types.int; };
  listOption = mkOption { type = types.listOf types.raw; };
  declare = type: { options.o = mkOption { inherit type; }; };

  # The value of an option for some definitions.
  merged = type: defs: (config ([ (declare type) ] ++ map (o: { config = { inherit o; }; }) defs)).o;
in
lib.runTests {
  ## Forms of modules

  testForms = {
    expr = map (module: (config [ { options.a = intOption; } module ]).a) [
      { a = 1; }
      { config.a = 1; }
      ({ lib, ... }: { a = 1; })
      ({ config, ... }: { config = { a = 1; }; })
      { imports = [ { a = 1; } ]; }
      { require = [ { a = 1; } ]; }
      (mkIf true { a = 1; })
      (mkOverride 10 { a = 1; })
      {
        __functor = _: { ... }: { a = 1; };
      }
    ];
    expected = lib.replicate 9 1;
  };
  testMergeIsNoModule = {
    expr = fails (config [ (mkMerge [ ]) ]);
    expected = true;
  };
  testUnknownAttributeBesideConfig = {
    expr = fails (config [ { config = { }; a = 1; } ]);
    expected = true;
  };
  testMetaBesideConfig = {
    expr = (config [ { options.meta = mkOption { }; config = { }; meta = 1; } ]).meta;
    expected = 1;
  };

  ## Imports

  testImporterComesLast = {
    expr =
      (config [
        {
          options.l = listOption;
          imports = [
            { l = [ "A" ]; }
            { l = [ "B" ]; }
          ];
          config.l = [ "own" ];
        }
      ]).l;
    expected = [
      "B"
      "A"
      "own"
    ];
  };
  testSameKeyOnce = {
    expr =
      let
        module = {
          key = "k";
          config.l = [ 1 ];
        };
      in
      (config [
        { options.l = listOption; }
        module
        module
      ]).l;
    expected = [ 1 ];
  };
  testSameInlineModuleTwice = {
    expr =
      let
        module.l = [ 1 ];
      in
      (config [
        { options.l = listOption; }
        module
        module
      ]).l;
    expected = [
      1
      1
    ];
  };
  testDisabledByKey = {
    expr =
      (config [
        {
          options.l = listOption;
          config.l = [ ];
        }
        {
          key = "k";
          config.l = [ 1 ];
        }
        {
          disabledModules = [
            { key = "k"; }
            "unknown.nix"
            ./unknown.nix
          ];
        }
      ]).l;
    expected = [ ];
  };
  testNestedListOfImports = {
    expr = fails (config [ { imports = [ [ { } ] ]; } ]);
    expected = true;
  };
  testGraph = {
    expr = map (m: [ m.key (map (i: i.key) m.imports) ]) (eval [ { imports = [ { } { key = "k"; } ]; } ]).graph;
    expected = [
      [
        ":anon-1"
        [
          ":anon-1:anon-1"
          "k"
        ]
      ]
    ];
  };
  testClass = {
    expr = map (class: fails (lib.evalModules { inherit class; modules = [ { _class = "a"; } ]; }).config) [
      "a"
      "b"
      null
    ];
    expected = [
      false
      true
      false
    ];
  };

  ## Arguments

  testModuleArgs = {
    expr =
      (config [
        { options.a = intOption; }
        ({ x, ... }: { config.a = x; })
        { _module.args.x = 5; }
      ]).a;
    expected = 5;
  };
  testSpecialArgsInImports = {
    expr =
      (lib.evalModules {
        specialArgs.extra = { a = 3; };
        modules = [
          { options.a = intOption; }
          ({ extra, ... }: { imports = [ extra ]; })
        ];
      }).config.a;
    expected = 3;
  };
  testArgumentsOfEveryModule = {
    expr =
      (config [
        { options.a = mkOption { }; }
        (
          args@{ ... }:
          {
            a = builtins.attrNames args;
          }
        )
      ]).a;
    expected = [
      "_class"
      "_prefix"
      "config"
      "lib"
      "options"
      "specialArgs"
    ];
  };
  testMissingArgument = {
    # An argument that nobody has is missed where it is used.
    expr = (config [ { options.a = intOption; } ({ nobody, ... }: { a = 1; }) ]).a;
    expected = 1;
  };
  testOptionsDependOnConfig = {
    expr =
      (config [
        { options.a = intOption; config.a = 1; }
        ({ config, ... }: { options.b = mkOption { default = config.a + 1; }; })
      ]).b;
    expected = 2;
  };

  ## Properties

  testPriorities = {
    expr = merged types.int [
      (mkOptionDefault 1)
      (mkDefault 2)
      3
      (mkForce 4)
      (mkOverride 49 5)
    ];
    expected = 5;
  };
  testDefaultIsAnOptionDefault = {
    expr = map (def: (config [ { options.o = mkOption { type = types.listOf types.int; default = [ 1 ]; }; } { o = def; } ]).o) [
      (mkOptionDefault [ 2 ])
      (mkDefault [ 2 ])
    ];
    expected = [
      [
        1
        2
      ]
      [ 2 ]
    ];
  };
  testOrder = {
    expr = merged (types.listOf types.int) [
      (mkAfter [ 3 ])
      [ 2 ]
      (mkBefore [ 1 ])
      (mkOrder 10 [ 0 ])
    ];
    expected = [
      0
      1
      2
      3
    ];
  };
  testConditionGoesToTheLeaves = {
    # A condition may depend on another option of the same set.
    expr =
      (config [
        {
          options.a.b = intOption;
          options.a.c = intOption;
        }
        ({ config, ... }: { a = mkIf (config.a.b == 1) { c = 2; }; })
        { a.b = 1; }
      ]).a;
    expected = {
      b = 1;
      c = 2;
    };
  };
  testConditionsInsideEachOther = {
    expr =
      (config [
        { options.a.b.c = mkOption { default = 0; }; }
        (mkIf true (mkIf true { a = mkIf true (mkMerge [ { b = mkIf false { c = 1; }; } (mkIf true { b.c = 2; }) ]); }))
      ]).a.b.c;
    expected = 2;
  };
  testForceOnASet = {
    expr =
      (config [
        { options.a.b = intOption; }
        { a = mkForce { b = 1; }; }
        { a.b = 2; }
      ]).a.b;
    expected = 1;
  };
  testMergeEqualsImports = {
    expr =
      let
        parts = [
          { a = 1; }
          { b = 2; }
        ];
        declared = {
          options.a = intOption;
          options.b = intOption;
        };
      in
      config [ declared { config = mkMerge parts; } ] == config [ declared { imports = parts; } ];
    expected = true;
  };
  testOverriddenDefinitionsAreNotEvaluated = {
    expr = merged types.int [
      (mkDefault (throw "overridden"))
      1
    ];
    expected = 1;
  };
}
