# PostgreSQL.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption mkIf types;
  cfg = config.services.postgresql;
  flag = default: description: mkOption { type = types.bool; inherit default description; };
  bin = cfg.package.binaries or "${cfg.package}/bin";
  major = lib.versions.major cfg.package.version;
  value = v: if v == true then "yes" else if v == false then "no" else if builtins.isString v then "'${lib.replaceStrings [ "'" ] [ "''" ] v}'" else toString v;
  configFile = pkgs.writeTextDir "postgresql.conf" (lib.concatStrings (lib.mapAttrsToList (n: v: lib.optionalString (v != null) "${n} = ${value v}\n") cfg.settings));
  clauses = c: lib.concatStringsSep " " (lib.mapAttrsToList (n: v: lib.optionalString (v != null) (if builtins.isBool v then (if v then n else "no${n}") else "${n} ${toString v}")) c);
in
{
  imports = [
    (lib.mkRenamedOptionModule [ "services" "postgresql" "port" ] [ "services" "postgresql" "settings" "port" ])
  ];
  options.services.postgresql = {
    enable = lib.mkEnableOption "PostgreSQL Server";
    package = mkOption { type = types.package; default = pkgs.postgresql; defaultText = "pkgs.postgresql"; description = "The package."; };
    enableJIT = flag false "Whether queries are compiled.";
    enableTCPIP = flag false "Whether other machines may connect.";
    checkConfig = flag true "Without effect.";
    dataDir = mkOption { type = types.path; default = "/var/lib/postgresql/${major}"; description = "Where the data is."; };
    authentication = mkOption { type = types.lines; default = ""; description = "Lines of pg_hba.conf, before the usual ones."; };
    identMap = mkOption { type = types.lines; default = ""; description = "Lines of pg_ident.conf."; };
    initdbArgs = mkOption { type = types.listOf types.str; default = [ ]; description = "Arguments of initdb."; };
    initialScript = mkOption { type = types.nullOr types.path; default = null; description = "SQL that is run when the cluster is new."; };
    extensions = mkOption { type = types.raw; default = [ ]; description = "Extensions; none but those of Debian's package."; };
    extraPlugins = mkOption { type = types.raw; default = [ ]; description = "Older name of extensions."; };
    extraConfigText = mkOption { type = types.lines; default = ""; description = "More lines of postgresql.conf."; };
    superUser = mkOption { type = types.str; default = "postgres"; internal = true; readOnly = true; description = "The user with all rights."; };
    ensureDatabases = mkOption { type = types.listOf types.str; default = [ ]; description = "Databases that are made."; };
    ensureUsers = mkOption {
      default = [ ];
      description = "Users that are made.";
      type = types.listOf (types.submodule {
        options = {
          name = mkOption { type = types.str; description = "The user's name."; };
          ensureDBOwnership = flag false "Whether the user owns the database of the same name.";
          ensurePermissions = mkOption { type = types.attrsOf types.str; default = { }; description = "Rights, by what they are to."; };
          ensureClauses = mkOption { type = types.attrsOf (types.nullOr (types.either types.bool types.str)); default = { }; description = "Properties of the role."; };
        };
      });
    };
    settings = mkOption {
      default = { };
      description = "The contents of postgresql.conf.";
      type = types.submodule {
        freeformType = types.attrsOf (types.nullOr (types.oneOf [ types.bool types.float types.int types.str ]));
        options = {
          port = mkOption { type = types.port; default = 5432; description = "The port."; };
          shared_preload_libraries = mkOption { type = types.nullOr (types.coercedTo (types.listOf types.str) (lib.concatStringsSep ",") types.commas); default = null; description = "Libraries that are loaded."; };
          log_line_prefix = mkOption { type = types.str; default = "[%p] "; description = "What begins a line of the log."; };
        };
      };
    };
    systemCallFilter = mkOption { type = types.attrsOf types.anything; default = { }; description = "Without effect."; };
  };
  config = mkIf cfg.enable {
    assertions = map (u: { assertion = !u.ensureDBOwnership || builtins.elem u.name cfg.ensureDatabases; message = "For each database user defined with `services.postgresql.ensureUsers` and `ensureDBOwnership = true;`, a database with the same name must be defined in `services.postgresql.ensureDatabases`: ${u.name}"; }) cfg.ensureUsers;
    services.postgresql.settings = {
      hba_file = "${pkgs.writeText "pg_hba.conf" cfg.authentication}";
      ident_file = "${pkgs.writeText "pg_ident.conf" cfg.identMap}";
      log_destination = lib.mkDefault "stderr";
      listen_addresses = lib.mkDefault (if cfg.enableTCPIP then "*" else "localhost");
      unix_socket_directories = lib.mkDefault "/run/postgresql";
      jit = if cfg.enableJIT then "on" else "off";
    };
    services.postgresql.authentication = lib.mkMerge [
      (lib.mkBefore "# Made from the option ‘services.postgresql.authentication’.")
      (lib.mkAfter ''
        local all postgres peer map=postgres
        local all all peer
        host all all 127.0.0.1/32 md5
        host all all ::1/128 md5
      '')
    ];
    services.postgresql.identMap = lib.mkAfter "postgres root postgres\npostgres postgres postgres\n";
    users.users.postgres = { name = "postgres"; uid = 71; group = "postgres"; description = "PostgreSQL server user"; home = cfg.dataDir; useDefaultShell = true; isSystemUser = true; };
    users.groups.postgres.gid = 71;
    environment.systemPackages = [ cfg.package ];
    environment.pathsToLink = [ "/share/postgresql" ];

    systemd.targets.postgresql = {
      description = "PostgreSQL";
      wantedBy = [ "multi-user.target" ];
      requires = [ "postgresql.service" "postgresql-setup.service" ];
    };
    systemd.services.postgresql = {
      description = "PostgreSQL Server";
      after = [ "network.target" ];
      partOf = [ "postgresql.target" ];
      environment.PGDATA = cfg.dataDir;
      path = [ cfg.package ];
      preStart = ''
        if [ ! -e ${cfg.dataDir}/PG_VERSION ]; then
          rm -f ${cfg.dataDir}/*.conf
          # The cluster appears as a whole or not at all.
          rm -rf ${cfg.dataDir}/.new
          ${bin}/initdb -U ${cfg.superUser} --no-sync --auth=peer --locale=C.UTF-8 -E UTF8 ${lib.escapeShellArgs cfg.initdbArgs} -D ${cfg.dataDir}/.new/cluster >/dev/null
          mv ${cfg.dataDir}/.new/cluster/* ${cfg.dataDir}/
          rm -rf ${cfg.dataDir}/.new
          touch ${cfg.dataDir}/.first_startup
        fi
        ln -sfn "${configFile}/postgresql.conf" "${cfg.dataDir}/postgresql.conf"
      '';
      serviceConfig = lib.mkMerge [
        {
          ExecStart = "${bin}/postgres";
          ExecReload = "/run/current-system/sw/bin/kill -HUP $MAINPID";
          User = "postgres";
          Group = "postgres";
          RuntimeDirectory = "postgresql";
          Type = "notify";
          KillSignal = "SIGINT";
          KillMode = "mixed";
          TimeoutSec = 120;
          Restart = "always";
          ProtectHome = true;
          ProtectSystem = "strict";
          PrivateTmp = true;
          PrivateDevices = true;
          NoNewPrivileges = true;
        }
        (mkIf (lib.hasPrefix "/var/lib/postgresql" cfg.dataDir) { StateDirectory = "postgresql postgresql/${major}"; StateDirectoryMode = "0750"; })
        (mkIf (!lib.hasPrefix "/var/lib/postgresql" cfg.dataDir) { ReadWritePaths = [ cfg.dataDir ]; })
      ];
      unitConfig.RequiresMountsFor = cfg.dataDir;
    };
    # Ends when the initial script has run: postgresql.target means that the database is as it was declared.
    systemd.services.postgresql-setup = {
      description = "PostgreSQL Setup Scripts";
      requires = [ "postgresql.service" ];
      after = [ "postgresql.service" ];
      before = [ "postgresql.target" ];
      wantedBy = [ "multi-user.target" ];
      environment = { PGPORT = toString cfg.settings.port; PSQL = "${bin}/psql --port=${toString cfg.settings.port}"; };
      serviceConfig = { User = "postgres"; Group = "postgres"; Type = "oneshot"; RemainAfterExit = true; };
      script = ''
        PSQL="$PSQL -d postgres"
        until $PSQL -c "" >/dev/null 2>&1; do
          systemctl is-active -q postgresql.service || [ "$(systemctl show -P ActiveState postgresql.service)" = activating ] || exit 1
          sleep 0.1
        done
        if [ -e ${cfg.dataDir}/.first_startup ]; then
          ${lib.optionalString (cfg.initialScript != null) ''$PSQL -f "${cfg.initialScript}"''}
          rm -f ${cfg.dataDir}/.first_startup
        fi
        ${lib.concatMapStrings (d: ''
          [ "$($PSQL -tAc "SELECT 1 FROM pg_database WHERE datname = '${d}'")" = 1 ] || $PSQL -tAc 'CREATE DATABASE "${d}"'
        '') cfg.ensureDatabases}
        ${lib.concatMapStrings (u: ''
          [ "$($PSQL -tAc "SELECT 1 FROM pg_roles WHERE rolname='${u.name}'")" = 1 ] || $PSQL -tAc 'CREATE USER "${u.name}"'
          ${lib.concatStrings (lib.mapAttrsToList (what: right: "$PSQL -tAc 'GRANT ${right} ON ${what} TO \"${u.name}\"'\n") u.ensurePermissions)}
          ${lib.optionalString u.ensureDBOwnership ''$PSQL -tAc 'ALTER DATABASE "${u.name}" OWNER TO "${u.name}";' ''}
          ${lib.optionalString (u.ensureClauses != { }) ''$PSQL -tAc 'ALTER ROLE "${u.name}" ${clauses u.ensureClauses}' ''}
        '') cfg.ensureUsers}
      '';
    };
  };
}
