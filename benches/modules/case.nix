{
  lib,
  # modules of every kind
  size ? 60,
}:
let
  inherit (lib)
    mkDefault
    mkEnableOption
    mkIf
    mkMerge
    mkOption
    types
    ;
  numbers = builtins.genList (n: n) size;
  name = n: "service${toString n}";

  # A service: options with defaults, a set of submodules, definitions elsewhere if it is enabled.
  service =
    n:
    { config, lib, ... }:
    let
      cfg = config.services.${name n};
    in
    {
      options.services.${name n} = {
        enable = mkEnableOption (name n);
        package = mkOption {
          type = types.str;
          default = "package-${toString n}";
          description = "The package.";
        };
        port = mkOption {
          type = types.port;
          default = 1000 + n;
          description = "The port.";
        };
        user = mkOption {
          type = types.str;
          default = name n;
        };
        group = mkOption {
          type = types.nullOr types.str;
          default = null;
        };
        extraConfig = mkOption {
          type = types.lines;
          default = "";
        };
        flags = mkOption {
          type = types.listOf types.str;
          default = [ ];
        };
        level = mkOption {
          type = types.enum [
            "low"
            "high"
          ];
          default = "low";
        };
        settings = mkOption {
          type = types.submodule {
            freeformType = types.attrsOf (types.either types.int types.str);
            options.listen = mkOption {
              type = types.str;
              default = "localhost";
            };
          };
          default = { };
        };
        hosts = mkOption {
          default = { };
          type = types.attrsOf (
            types.submodule (
              { name, config, ... }:
              {
                options.name = mkOption {
                  type = types.str;
                  default = name;
                };
                options.root = mkOption {
                  type = types.nullOr types.str;
                  default = null;
                };
                options.aliases = mkOption {
                  type = types.listOf types.str;
                  default = [ ];
                };
                options.ssl = mkOption {
                  type = types.bool;
                  default = false;
                };
                options.port = mkOption {
                  type = types.port;
                  default = if config.ssl then 443 else 80;
                };
                options.locations = mkOption {
                  default = { };
                  type = types.attrsOf (
                    types.submodule {
                      options.proxy = mkOption {
                        type = types.nullOr types.str;
                        default = null;
                      };
                      options.priority = mkOption {
                        type = types.int;
                        default = 1000;
                      };
                    }
                  );
                };
              }
            )
          );
        };
      };

      config = mkIf cfg.enable {
        units.${name n} = {
          wantedBy = [ "default" ];
          environment.PORT = toString cfg.port;
          script = mkDefault "run ${cfg.package}";
        };
        users.${cfg.user}.groups = [ "services" ];
        ports = [ cfg.port ];
        etc."${name n}.conf".text = mkMerge [
          "port ${toString cfg.port}"
          (mkIf (cfg.extraConfig != "") cfg.extraConfig)
        ];
      };
    };

  # What services define.
  system =
    { lib, ... }:
    {
      options.units = mkOption {
        default = { };
        type = types.attrsOf (
          types.submodule (
            { name, ... }:
            {
              options = {
                description = mkOption {
                  type = types.str;
                  default = name;
                };
                wantedBy = mkOption {
                  type = types.listOf types.str;
                  default = [ ];
                };
                after = mkOption {
                  type = types.listOf types.str;
                  default = [ ];
                };
                requires = mkOption {
                  type = types.listOf types.str;
                  default = [ ];
                };
                environment = mkOption {
                  type = types.attrsOf (types.nullOr types.str);
                  default = { };
                };
                script = mkOption {
                  type = types.lines;
                  default = "";
                };
                restart = mkOption {
                  type = types.bool;
                  default = true;
                };
              };
            }
          )
        );
      };
      options.users = mkOption {
        default = { };
        type = types.attrsOf (
          types.submodule (
            { name, ... }:
            {
              options.name = mkOption {
                type = types.str;
                default = name;
              };
              options.uid = mkOption {
                type = types.nullOr types.int;
                default = null;
              };
              options.groups = mkOption {
                type = types.listOf types.str;
                default = [ ];
              };
            }
          )
        );
      };
      options.etc = mkOption {
        default = { };
        type = types.attrsOf (
          types.submodule {
            options.text = mkOption {
              type = types.nullOr types.lines;
              default = null;
            };
            options.mode = mkOption {
              type = types.str;
              default = "0644";
            };
          }
        );
      };
      options.ports = mkOption {
        type = types.listOf types.port;
        default = [ ];
      };
      options.warnings = mkOption {
        type = types.listOf types.str;
        default = [ ];
      };
    };

  renames = map (
    n:
    lib.mkRenamedOptionModule
      [
        "programs"
        (name n)
      ]
      [
        "services"
        (name n)
        "package"
      ]
  ) numbers;

  # Every third service is used.
  use = n: {
    services.${name n} = {
      enable = true;
      flags = [
        "--verbose"
        "--name"
        (name n)
      ];
      extraConfig = "extra ${toString n}";
      settings.workers = n;
      hosts."a${toString n}.example" = {
        ssl = true;
        aliases = [ "www" ];
        locations."/".proxy = "http://localhost";
        locations."/static" = { };
      };
      hosts.b.root = "/srv";
    };
  };

  evaluation = lib.evalModules {
    modules = [
      system
    ]
    ++ map service numbers
    ++ renames
    ++ map use (builtins.filter (n: n - 3 * (n / 3) == 0) numbers);
  };

  # Renamed options print a message when they are read.
  values = removeAttrs evaluation.config [ "programs" ];
  documentation = lib.optionAttrSetToDocList (removeAttrs evaluation.options [ "_module" ]);
in
{
  values = builtins.deepSeq values (builtins.length (builtins.attrNames values));
  few = evaluation.config.ports;
  options = builtins.deepSeq documentation (builtins.length documentation);
  same = builtins.hashString "sha256" (
    builtins.toJSON [
      values
      (map (o: [ o.name o.type (o.default or null) ]) (
        builtins.filter (o: !lib.hasInfix "_module" o.name) documentation
      ))
    ]
  );
}
