# Option types: what they accept and how they join definitions.
{ lib }:
let
  inherit (lib)
    mkForce
    mkIf
    mkMerge
    mkOption
    types
    ;

  merge =
    type: defs:
    (lib.mergeDefinitions [ "o" ] type (map (value: { file = "f"; inherit value; }) defs)).mergedValue;
  fails = value: !(builtins.tryEval (builtins.deepSeq value value)).success;

  # Which of a list of values a type accepts.
  accepts = type: builtins.filter type.check;
in
lib.runTests {
  testNumbers = {
    expr = [
      (accepts types.ints.u8 [ (-1) 0 255 256 "1" 1.0 ])
      (accepts types.ints.positive [ 0 1 ])
      (accepts (types.ints.between 2 4) [ 1 2 4 5 ])
      (accepts types.number [ 1 1.5 "x" ])
      (accepts (types.numbers.between 0 1) [ 0.5 2 ])
      (accepts types.port [ 80 65536 ])
    ];
    expected = [
      [ 0 255 ]
      [ 1 ]
      [ 2 4 ]
      [ 1 1.5 ]
      [ 0.5 ]
      [ 80 ]
    ];
  };
  testStrings = {
    expr = [
      (accepts types.nonEmptyStr [ "" " " "a" ])
      (accepts types.singleLineStr [ "a\n" "a\nb" ])
      (accepts (types.strMatching "[a-z]+") [ "abc" "A" ])
      (accepts (types.passwdEntry types.str) [ "a" "a:b" "a\nb" ])
      (merge types.singleLineStr [ "a\n" ])
      (merge types.lines [ "a" "b" ])
      (merge types.commas [ "a" "b" ])
      (merge types.envVar [ "a" "b" ])
    ];
    expected = [
      [ "a" ]
      [ "a\n" ]
      [ "abc" ]
      [ "a" ]
      "a"
      "a\nb"
      "a,b"
      "a:b"
    ];
  };
  testEqual = {
    expr = [
      (merge types.str [ "a" "a" ])
      (fails (merge types.str [ "a" "b" ]))
      (merge types.bool [ true true ])
      (fails (merge types.bool [ true false ]))
      (merge types.boolByOr [ true false ])
    ];
    expected = [
      "a"
      true
      true
      true
      true
    ];
  };
  testUnique = {
    expr = [
      (merge (types.uniq types.int) [ 1 ])
      (fails (merge (types.uniq types.int) [ 1 1 ]))
      (fails (merge types.raw [ 1 1 ]))
    ];
    expected = [
      1
      true
      true
    ];
  };
  testEnum = {
    expr = [
      (accepts (types.enum [ "a" 1 ]) [ "a" 1 "b" ])
      (types.mergeTypes (types.enum [ 1 ]) (types.enum [ 2 ])).functor.payload.values
    ];
    expected = [
      [ "a" 1 ]
      [ 1 2 ]
    ];
  };
  testListOf = {
    expr = [
      (merge (types.listOf types.int) [ [ 1 ] [ 2 3 ] ])
      (merge (types.listOf types.int) [ [ 1 (mkIf false 2) (mkIf true 3) ] ])
      (fails (merge (types.listOf types.int) [ [ "x" ] ]))
      (builtins.length (merge (types.listOf types.raw) [ [ (x: x) ] ]))
      (fails (merge (types.nonEmptyListOf types.int) [ [ ] ]))
    ];
    expected = [
      [ 1 2 3 ]
      [ 1 3 ]
      true
      1
      true
    ];
  };
  testListElementsAreCheckedWhenUsed = {
    expr = lib.head (merge (types.listOf types.int) [ [ 1 "x" ] ]);
    expected = 1;
  };
  testAttrsOf = {
    expr = [
      (merge (types.attrsOf types.int) [ { a = 1; } { b = 2; } ])
      (merge (types.attrsOf types.int) [ { a = 1; } { a = mkForce 2; } ])
      (merge (types.attrsOf types.int) [ { a = mkIf false 1; } ])
      (merge (types.attrsOf (types.listOf types.int)) [ { a = [ 1 ]; } { a = [ 2 ]; } ])
      (merge (types.attrsOf types.int) [ { a = mkMerge [ 1 1 ]; } ])
      (builtins.attrNames (merge (types.lazyAttrsOf types.int) [ { a = throw "not looked at"; b = mkIf false 1; } ]))
      (merge (types.lazyAttrsOf (types.nullOr types.int)) [ { b = mkIf false 1; } ]).b
    ];
    expected = [
      { a = 1; b = 2; }
      { a = 2; }
      { }
      { a = [ 1 2 ]; }
      { a = 1; }
      [ "a" "b" ]
      null
    ];
  };
  testAttributesAreCheckedWhenUsed = {
    expr = (merge (types.attrsOf types.int) [ { a = 1; b = "x"; } ]).a;
    expected = 1;
  };
  testNullOr = {
    expr = [
      (merge (types.nullOr types.int) [ null null ])
      (merge (types.nullOr types.int) [ 1 ])
      (fails (merge (types.nullOr types.int) [ null 1 ]))
    ];
    expected = [
      null
      1
      true
    ];
  };
  testEither = {
    expr = [
      (merge (types.either types.int (types.listOf types.int)) [ [ 1 ] [ 2 ] ])
      (fails (merge (types.either types.int types.str) [ 1 "a" ]))
      (merge (types.oneOf [ types.int types.bool types.str ]) [ "a" ])
    ];
    expected = [
      [ 1 2 ]
      true
      "a"
    ];
  };
  testCoercedTo = {
    expr = [
      (merge (types.coercedTo types.str lib.singleton (types.listOf types.str)) [ "a" [ "b" ] ])
      (fails (merge (types.coercedTo types.int toString types.str) [ [ ] ]))
    ];
    expected = [
      [ "a" "b" ]
      true
    ];
  };
  testAttrTag = {
    expr =
      let
        type = types.attrTag {
          a = mkOption { type = types.int; };
          b = mkOption { type = types.str; };
        };
      in
      [
        (merge type [ { a = 1; } ])
        (fails (merge type [ { c = 1; } ]))
        (fails (merge type [ { a = 1; b = ""; } ]))
        (fails (merge type [ { a = "x"; } ]))
        (fails (merge type [ { a = 1; } { b = ""; } ]))
      ];
    expected = [
      { a = 1; }
      true
      true
      true
      true
    ];
  };
  testAnything = {
    expr = [
      (merge types.anything [ { a.b = 1; } { a.c = 2; } ])
      (merge types.anything [ 1 1 ])
      (fails (merge types.anything [ 1 2 ]))
      ((merge types.anything [ (x: { a = x; }) (x: { b = x; }) ]) 1)
      (merge types.anything [ { a = mkForce 1; } { a = 2; } ])
    ];
    expected = [
      {
        a = {
          b = 1;
          c = 2;
        };
      }
      1
      true
      {
        a = 1;
        b = 1;
      }
      { a = 1; }
    ];
  };
  testFunctionTo = {
    expr = (merge (types.functionTo (types.listOf types.int)) [ (x: [ x ]) (x: [ (x + 1) ]) ]) 1;
    expected = [ 1 2 ];
  };
  testSubmodule = {
    expr =
      let
        type = types.submodule ({ name, ... }: {
          options.name = mkOption { default = name; };
          options.n = mkOption { type = types.int; default = 0; };
        });
      in
      [
        (merge (types.attrsOf type) [ { x = { }; } { x.n = 1; } ])
        (fails (merge type [ { n = "x"; } ]))
        (fails (merge type [ { unknown = 1; } ]))
        (merge type [ ({ ... }: { config.n = 2; }) ]).n
      ];
    expected = [
      {
        x = {
          name = "x";
          n = 1;
        };
      }
      true
      true
      2
    ];
  };
  testSubmoduleShorthand = {
    # Without the shorthand a definition is a module.
    expr =
      let
        modules = [ { options.config = mkOption { default = 0; }; options.a = mkOption { default = 0; }; } ];
      in
      [
        (merge (types.submoduleWith { inherit modules; }) [ { config.a = 1; } ]).a
        (merge (types.submoduleWith { inherit modules; shorthandOnlyDefinesConfig = true; }) [ { config = 1; } ]).config
      ];
    expected = [
      1
      1
    ];
  };
  testDeferredModule = {
    expr =
      let
        module = merge types.deferredModule [ { a = 1; } ({ ... }: { b = 2; }) ];
      in
      (lib.evalModules {
        modules = [
          module
          {
            options.a = mkOption { };
            options.b = mkOption { };
          }
        ];
      }).config;
    expected = {
      a = 1;
      b = 2;
    };
  };
  testAddCheck = {
    expr = [
      (merge (types.addCheck types.int (x: x > 1)) [ 2 ])
      (fails (merge (types.addCheck types.int (x: x > 1)) [ 1 ]))
      (fails (merge (types.addCheck (types.attrsOf types.int) (x: x ? a)) [ { } ]))
      (fails (merge (types.attrsOf types.int // { check = _: true; }) [ { } ]))
    ];
    expected = [
      2
      true
      true
      true
    ];
  };
  testEmptyValues = {
    expr = (lib.evalModules {
      modules = [
        {
          options = lib.mapAttrs (_: type: mkOption { inherit type; }) {
            list = types.listOf types.int;
            set = types.attrsOf types.int;
            null = types.nullOr types.int;
            sub = types.submodule { options.a = mkOption { default = 1; }; };
          };
        }
      ];
    }).config;
    expected = {
      list = [ ];
      set = { };
      null = null;
      sub.a = 1;
    };
  };
  testValueMeta = {
    expr =
      let
        options = (lib.evalModules {
          modules = [
            {
              options.s = mkOption {
                type = types.attrsOf (types.submodule { options.a = mkOption { }; });
                default.x.a = 1;
              };
            }
          ];
        }).options;
      in
      options.s.valueMeta.attrs.x.configuration.options.a.value;
    expected = 1;
  };
  testDescriptions = {
    expr = map (type: type.description) (
      with types;
      [
        (listOf (either int str))
        (attrsOf (submodule { }))
        (nullOr (listOf str))
        (either (listOf int) (nullOr str))
        (oneOf [ ints.positive str ])
        (functionTo (attrsOf int))
        (coercedTo int toString str)
        (nonEmptyListOf str)
        (enum [ ])
        (enum [ "a" ])
        (submodule { freeformType = attrsOf int; })
        (listOf port)
      ]
    );
    expected = [
      "list of (signed integer or string)"
      "attribute set of (submodule)"
      "null or (list of string)"
      "(list of signed integer) or null or string"
      "positive integer, meaning >0, or string"
      "function that evaluates to a(n) attribute set of signed integer"
      "string or signed integer convertible to it"
      "non-empty (list of string)"
      "impossible (empty enum)"
      "value \"a\" (singular enum)"
      "open submodule of attribute set of signed integer"
      "list of 16 bit unsigned integer; between 0 and 65535 (both inclusive)"
    ];
  };
}
