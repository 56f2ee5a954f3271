let
  lib = import ./base/lib;
  inherit (lib) mkAfter mkBefore mkDefault mkForce mkIf mkMerge mkOption mkOptionDefault mkOrder mkOverride types;
  config = modules: (lib.evalModules { inherit modules; }).config;

  options = (lib.evalModules {
    modules = [
      {
        options.a = mkOption { type = types.attrsOf (types.submodule { options.b = mkOption { }; }); };
        options.shallow = mkOption { visible = "shallow"; type = types.submodule { options.c = mkOption { }; }; };
        options.secret = mkOption { internal = true; };
      }
    ];
  }).options;
in
map (option: option.name) (builtins.filter (option: !option.internal) (lib.optionAttrSetToDocList options))
