# Options: what is declared, evaluating again, renames, documentation.
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
