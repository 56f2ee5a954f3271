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

  ## Options

  testApply = {
    expr = (config [ { options.a = mkOption { type = types.int; apply = x: x * 2; }; config.a = 4; } ]).a;
    expected = 8;
  };
  testReadOnly = {
    expr = map (defs: fails (config ([ { options.a = mkOption { readOnly = true; }; } ] ++ defs))) [
      [ { a = 1; } ]
      [
        { a = 1; }
        { a = 1; }
      ]
    ];
    expected = [
      false
      true
    ];
  };
  testEvaluatedOption = {
    expr =
      let
        option = (eval [ { _file = "/f"; options.a = intOption; config.a = mkForce 1; } ]).options.a;
      in
      {
        inherit (option)
          value
          definitions
          files
          isDefined
          highestPrio
          declarations
          loc
          ;
        text = "${option}";
      };
    expected = {
      value = 1;
      definitions = [ 1 ];
      files = [ "/f" ];
      isDefined = true;
      highestPrio = 50;
      declarations = [ "/f" ];
      loc = [ "a" ];
      text = "a";
    };
  };
  testUnknownOption = {
    expr = fails (config [ { a = 1; } ]);
    expected = true;
  };
  testUnknownOptionUnchecked = {
    expr = config [
      {
        a = 1;
        _module.check = false;
      }
    ];
    expected = { };
  };
  testTwoDeclarationsOfOneType = {
    expr = (config [ { options.a = mkOption { type = types.enum [ 1 ]; }; } { options.a = mkOption { type = types.enum [ 2 ]; }; } { a = 2; } ]).a;
    expected = 2;
  };
  testOptionsBelowASubmodule = {
    expr =
      (config [
        { options.s = mkOption { type = types.submodule { options.a = mkOption { default = 1; }; }; default = { }; }; }
        { options.s.b = mkOption { default = 2; }; }
      ]).s;
    expected = {
      a = 1;
      b = 2;
    };
  };

  ## Freeform

  testFreeform = {
    expr = config [
      {
        freeformType = types.attrsOf types.int;
        options.x = mkOption { default = "d"; };
        config.y = 3;
      }
    ];
    expected = {
      x = "d";
      y = 3;
    };
  };
  testFreeformNested = {
    expr = config [
      {
        freeformType = types.attrsOf (types.attrsOf types.int);
        options.a.b = mkOption { default = "d"; };
        config.a.c = 1;
      }
    ];
    expected.a = {
      b = "d";
      c = 1;
    };
  };

  ## Evaluating again

  testExtendModules = {
    expr =
      let
        first = eval [ { options.a = mkOption { default = 1; }; options.l = mkOption { type = types.listOf types.int; default = [ ]; }; } ];
        second = first.extendModules { modules = [ { a = 2; l = [ 1 ]; } ]; };
        third = second.extendModules { modules = [ { l = [ 2 ]; } ]; };
      in
      [
        first.config
        second.config
        third.config
      ];
    expected = [
      {
        a = 1;
        l = [ ];
      }
      {
        a = 2;
        l = [ 1 ];
      }
      {
        a = 2;
        l = [
          2
          1
        ];
      }
    ];
  };
  testTypeOfAnEvaluation = {
    expr =
      let
        inner = eval [ { options.a = mkOption { default = 1; }; } ];
      in
      (config [ { options.s = mkOption { type = types.attrsOf inner.type; default.x.a = 5; }; } ]).s;
    expected.x.a = 5;
  };
  testExtendModulesArgument = {
    expr =
      (config [
        { options.a = mkOption { default = 1; }; options.other = mkOption { type = types.raw; }; }
        ({ extendModules, ... }: { other = (extendModules { modules = [ { a = 2; } ]; }).config.a; })
      ]).other;
    expected = 2;
  };

  ## Renames

  testRename = {
    expr =
      let
        c = config [
          (lib.mkRenamedOptionModule [ "old" ] [ "new" ])
          {
            options.new = intOption;
            options.warnings = mkOption { type = types.listOf types.str; };
          }
          {
            _file = "/f";
            config.old = mkForce 1;
          }
          { new = 2; }
        ];
      in
      [ c.new ] ++ c.warnings;
    expected = [
      1
      "The option `old' defined in `/f' has been renamed to `new'."
    ];
  };
  testAlias = {
    expr =
      let
        c = config [
          (lib.mkAliasOptionModule [ "a" ] [ "b" ])
          { options.b = intOption; }
          { a = 1; }
        ];
      in
      [
        c.a
        c.b
      ];
    expected = [
      1
      1
    ];
  };
  testRemoved = {
    expr = map (a: a.message) (
      builtins.filter (a: !a.assertion)
        (config [
          (lib.mkRemovedOptionModule [ "a" ] "Use b.")
          { options.assertions = mkOption { type = types.listOf types.raw; }; }
          { _file = "/f"; config.a = 1; }
        ]).assertions
    );
    expected = [
      "The option definition `a' in `/f' no longer has any effect; please remove it.\nUse b.\n"
    ];
  };
  testChanged = {
    expr =
      (config [
        (lib.mkChangedOptionModule [ "a" ] [ "b" ] (config: config.a + 1))
        {
          options.b = intOption;
          options.warnings = mkOption { type = types.listOf types.str; };
        }
        { a = 1; }
      ]).b;
    expected = 2;
  };
  testDerivedConfigKeepsPriority = {
    expr =
      (config [
        { options.a = mkOption { default = 1; }; options.b = mkOption { default = 5; }; }
        ({ options, ... }: { b = lib.mkDerivedConfig options.a (a: a + 1); })
        { a = mkForce 2; }
        { b = 7; }
      ]).b;
    expected = 3;
  };

  ## Documentation

  testDocumentation = {
    expr = map (o: [ o.name o.visible ]) (
      lib.optionAttrSetToDocList (
        removeAttrs
          (eval [
            {
              options.a = mkOption {
                type = types.attrsOf (types.submodule { options.b = mkOption { }; });
              };
              options.shallow = mkOption {
                type = types.submodule { options.b = mkOption { }; };
                visible = "shallow";
              };
              options.hidden = mkOption { visible = false; };
            }
          ]).options
          [ "_module" ]
      )
    );
    expected = [
      [
        "a"
        true
      ]
      [
        "a.<name>._module.args"
        true
      ]
      [
        "a.<name>._module.check"
        true
      ]
      [
        "a.<name>._module.freeformType"
        true
      ]
      [
        "a.<name>._module.specialArgs"
        true
      ]
      [
        "a.<name>.b"
        true
      ]
      [
        "hidden"
        false
      ]
      [
        "shallow"
        true
      ]
    ];
  };
}
