# nginx.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption mkIf types;
  cfg = config.services.nginx;
  flag = default: description: mkOption { type = types.bool; inherit default description; };
  lines = description: mkOption { type = types.lines; default = ""; inherit description; };
  text = default: description: mkOption { type = types.nullOr types.str; inherit default description; };
  optional = lib.optionalString;

  proxyHeaders = ''
    proxy_set_header Host $host;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $host;
    proxy_set_header X-Forwarded-Server $hostname;
  '';

  htpasswd = name: auth: pkgs.writeText "${name}.htpasswd" (lib.concatStrings (lib.mapAttrsToList (user: password: "${user}:{PLAIN}${password}\n") auth));
  authLines = name: zone: optional (zone.basicAuthFile != null || zone.basicAuth != { }) ''
    auth_basic secured;
    auth_basic_user_file ${if zone.basicAuthFile != null then zone.basicAuthFile else htpasswd name zone.basicAuth};
  '';

  location = path: l: ''
    location ${path} {
      ${optional (l.proxyPass != null) "proxy_pass ${l.proxyPass};"}
      ${optional l.proxyWebsockets "proxy_http_version 1.1;\nproxy_set_header Upgrade $http_upgrade;\nproxy_set_header Connection $connection_upgrade;"}
      ${optional (l.uwsgiPass != null) "uwsgi_pass ${l.uwsgiPass};"}
      ${lib.concatStrings (lib.mapAttrsToList (n: v: "fastcgi_param ${n} \"${v}\";\n") l.fastcgiParams)}
      ${optional (l.index != null) "index ${l.index};"}
      ${optional (l.tryFiles != null) "try_files ${l.tryFiles};"}
      ${optional (l.root != null) "root ${l.root};"}
      ${optional (l.alias != null) "alias ${l.alias};"}
      ${optional (l.return != null) "return ${toString l.return};"}
      ${l.extraConfig}
      ${optional (l.proxyPass != null && l.recommendedProxySettings) proxyHeaders}
      ${authLines "location" l}
    }
  '';
  locations = set: lib.concatStrings (map ({ name, value }: location name value)
    (lib.sort (a: b: a.value.priority < b.value.priority) (lib.attrsToList set)));

  hostText = name: h:
    let
      ssl = h.addSSL || h.onlySSL || h.enableSSL || h.forceSSL;
      onlySSL = h.onlySSL || h.enableSSL;
      addresses = if h.listenAddresses != [ ] then h.listenAddresses else cfg.defaultListenAddresses;
      usual = map (addr: { inherit addr; port = cfg.defaultHTTPListenPort; ssl = false; }) (lib.optionals (!onlySSL) addresses)
        ++ map (addr: { inherit addr; port = cfg.defaultSSLListenPort; ssl = true; }) (lib.optionals (ssl || h.rejectSSL) addresses);
      given = map (l: l // { port = if l.port != null then l.port else if l.ssl then cfg.defaultSSLListenPort else cfg.defaultHTTPListenPort; }) h.listen;
      listen = if h.listen != [ ] then given else if cfg.defaultListen != [ ] then map (l: { ssl = false; } // l) cfg.defaultListen else usual;
      line = l: "listen ${if lib.hasPrefix "unix:" l.addr then l.addr else "${l.addr}:${toString l.port}"}${optional l.ssl " ssl"}${optional h.default " default_server"}${optional h.reuseport " reuseport"}${lib.concatMapStrings (p: " ${p}") (l.extraParameters or [ ])};\n";
      names = toString ([ (if h.serverName != null then h.serverName else name) ] ++ h.serverAliases);
      redirect = optional h.forceSSL ''
        server {
          ${lib.concatMapStrings line (builtins.filter (l: !l.ssl) listen)}
          server_name ${names};
          location / { return ${toString h.redirectCode} https://$host$request_uri; }
        }
      '';
      own = if h.forceSSL then builtins.filter (l: l.ssl) listen else listen;
    in
    redirect + ''
      server {
        ${lib.concatMapStrings line own}
        server_name ${names};
        ${optional (ssl && h.http2) "http2 on;"}
        ${optional ssl "ssl_certificate ${toString h.sslCertificate};\nssl_certificate_key ${toString h.sslCertificateKey};"}
        ${optional (h.sslTrustedCertificate != null) "ssl_trusted_certificate ${toString h.sslTrustedCertificate};"}
        ${optional h.rejectSSL "ssl_reject_handshake on;"}
        ${optional (h.root != null) "root ${h.root};"}
        ${optional (h.globalRedirect != null) "location / { return ${toString h.redirectCode} http${optional ssl "s"}://${toString h.globalRedirect}$request_uri; }"}
        ${authLines name h}
        ${locations h.locations}
        ${h.extraConfig}
      }
    '';

  upstream = name: u: ''
    upstream ${name} {
      ${lib.concatStrings (lib.mapAttrsToList (n: s: "server ${n}${lib.concatStrings (lib.mapAttrsToList (k: v: if builtins.isBool v then optional v " ${k}" else optional (v != null) " ${k}=${toString v}") s)};\n") u.servers)}
      ${u.extraConfig}
    }
  '';

  recommended =
    optional cfg.recommendedOptimisation "sendfile on;\ntcp_nopush on;\ntcp_nodelay on;\nkeepalive_timeout 65;\n"
    + optional cfg.recommendedTlsSettings "ssl_session_timeout 1d;\nssl_session_cache shared:SSL:10m;\nssl_session_tickets off;\nssl_prefer_server_ciphers off;\n"
    + optional cfg.recommendedGzipSettings "gzip on;\ngzip_static on;\ngzip_vary on;\ngzip_comp_level 5;\ngzip_min_length 256;\ngzip_proxied expired no-cache no-store private auth;\ngzip_types text/plain text/css text/javascript text/xml application/javascript application/json application/xml image/svg+xml;\n"
    + optional cfg.recommendedProxySettings "proxy_redirect off;\nproxy_connect_timeout ${cfg.proxyTimeout};\nproxy_send_timeout ${cfg.proxyTimeout};\nproxy_read_timeout ${cfg.proxyTimeout};\nproxy_http_version 1.1;\n";

  configFile = pkgs.writeText "nginx.conf" (if cfg.config != "" then "pid /run/nginx/nginx.pid;\nerror_log ${cfg.logError};\ndaemon off;\n${cfg.config}\n${cfg.appendConfig}" else ''
    pid /run/nginx/nginx.pid;
    error_log ${cfg.logError};
    daemon off;
    ${cfg.prependConfig}
    events {
      ${cfg.eventsConfig}
    }
    http {
      ${cfg.commonHttpConfig}
      include ${cfg.package.mimeTypes or "${cfg.package.common}/etc/nginx/mime.types"};
      default_type application/octet-stream;
      types_hash_max_size 4096;
      server_names_hash_bucket_size ${toString cfg.serverNamesHashBucketSize};
      client_body_temp_path /var/cache/nginx/client_body;
      proxy_temp_path /var/cache/nginx/proxy;
      fastcgi_temp_path /var/cache/nginx/fastcgi;
      uwsgi_temp_path /var/cache/nginx/uwsgi;
      scgi_temp_path /var/cache/nginx/scgi;
      access_log /var/log/nginx/access.log;
      ${recommended}
      ${lib.concatStrings (lib.mapAttrsToList upstream cfg.upstreams)}
      map $http_upgrade $connection_upgrade { default upgrade; "" close; }
      client_max_body_size ${cfg.clientMaxBodySize};
      server_tokens ${if cfg.serverTokens then "on" else "off"};
      ${cfg.appendHttpConfigFirst or ""}
      ${optional cfg.statusPage "server { listen 80; server_name localhost; location /nginx_status { stub_status on; access_log off; allow 127.0.0.1; deny all; } }"}
      ${lib.concatStrings (lib.mapAttrsToList hostText cfg.virtualHosts)}
      ${cfg.appendHttpConfig}
    }
    ${cfg.appendConfig}
  '');
  configPath = if cfg.enableReload then "/etc/nginx/nginx.conf" else configFile;
  exe = "${cfg.package}/sbin/nginx -c ${configPath}";
in
{
  options.services.nginx = {
    enable = lib.mkEnableOption "Nginx Web Server";
    package = mkOption { type = types.package; default = pkgs.nginx; defaultText = "pkgs.nginx"; description = "The package."; };
    virtualHosts = mkOption {
      type = types.attrsOf (types.submodule (import ./vhost-options.nix { inherit lib config; }));
      default = { localhost = { }; };
      description = "Virtual hosts.";
    };
    upstreams = mkOption {
      default = { };
      description = "Groups of servers.";
      type = types.attrsOf (types.submodule {
        options = {
          servers = mkOption { type = types.attrsOf (types.attrsOf (types.nullOr (types.oneOf [ types.bool types.int types.str ]))); default = { }; description = "The servers and their parameters."; };
          extraConfig = lines "More lines.";
        };
      });
    };
    user = mkOption { type = types.str; default = "nginx"; description = "The user that nginx runs as."; };
    group = mkOption { type = types.str; default = "nginx"; description = "The group that nginx runs as."; };
    config = mkOption { type = types.str; default = ""; description = "The whole configuration."; };
    appendConfig = lines "Lines at the configuration's end.";
    prependConfig = lines "Lines at the configuration's beginning.";
    commonHttpConfig = lines "Lines at the beginning of http.";
    httpConfig = lines "Older name of appendHttpConfig.";
    appendHttpConfig = lines "Lines at the end of http.";
    streamConfig = lines "Lines of stream.";
    eventsConfig = lines "Lines of events.";
    additionalModules = mkOption { type = types.listOf types.raw; default = [ ]; description = "Without effect: nginx is Debian's."; };
    logError = mkOption { type = types.str; default = "stderr"; description = "Where errors are logged."; };
    preStart = lines "Shell code run before.";
    serverTokens = flag false "Whether the version is told.";
    statusPage = flag false "Whether /nginx_status is served to the machine itself.";
    recommendedGzipSettings = flag false "Whether answers are compressed.";
    recommendedBrotliSettings = flag false "Without effect.";
    recommendedZstdSettings = flag false "Without effect.";
    recommendedOptimisation = flag false "Whether files are sent quickly.";
    recommendedProxySettings = flag false "Whether servers behind learn who asked.";
    recommendedTlsSettings = flag false "Whether TLS is as it should be.";
    recommendedUwsgiSettings = flag false "Without effect.";
    proxyTimeout = mkOption { type = types.str; default = "60s"; description = "How long servers behind may take."; };
    clientMaxBodySize = mkOption { type = types.str; default = "10m"; description = "The largest request."; };
    serverNamesHashBucketSize = mkOption { type = types.ints.positive; default = 64; description = "For long names of hosts."; };
    defaultHTTPListenPort = mkOption { type = types.port; default = 80; description = "The port of plain requests."; };
    defaultSSLListenPort = mkOption { type = types.port; default = 443; description = "The port of TLS."; };
    defaultListen = mkOption { type = types.listOf types.attrs; default = [ ]; description = "Addresses that hosts listen on."; };
    defaultListenAddresses = mkOption { type = types.listOf types.str; default = [ "0.0.0.0" ] ++ lib.optional config.networking.enableIPv6 "[::0]"; defaultText = "all"; description = "Addresses that hosts listen on."; };
    enableReload = flag false "Whether changes are reloaded instead of restarting.";
    enableSandbox = flag true "Without effect: nginx is always confined.";
    validateConfigFile = flag true "Without effect: the configuration is tested before each start.";
    sslDhparam = mkOption { type = types.nullOr types.path; default = null; description = "Parameters of key exchange."; };
    resolver.addresses = mkOption { type = types.listOf types.str; default = [ ]; description = "Resolvers."; };
    mapHashMaxSize = mkOption { type = types.nullOr types.ints.positive; default = null; description = "For big maps."; };
  };

  config = mkIf cfg.enable {
    assertions = lib.concatLists (lib.mapAttrsToList
      (name: h: [
        { assertion = !h.enableACME && h.useACMEHost == null; message = "services.nginx.virtualHosts.${name}: certificates from ACME are not in the embedded base; give sslCertificate and sslCertificateKey."; }
        { assertion = !(h.addSSL && h.onlySSL) && !(h.forceSSL && h.onlySSL) && !(h.addSSL && h.forceSSL); message = "Options services.nginx.service.virtualHosts.<name>.addSSL, onlySSL and forceSSL are mutually exclusive."; }
        { assertion = builtins.all (l: !(l.root != null && l.alias != null)) (builtins.attrValues h.locations); message = "Only one of nginx root or alias can be specified on a location."; }
        { assertion = !(h.addSSL || h.onlySSL || h.forceSSL) || (h.sslCertificate != null && h.sslCertificateKey != null); message = "services.nginx.virtualHosts.${name}: TLS needs sslCertificate and sslCertificateKey."; }
      ])
      cfg.virtualHosts);
    services.nginx.appendHttpConfig = mkIf (cfg.httpConfig != "") cfg.httpConfig;
    environment.etc."nginx/nginx.conf" = mkIf cfg.enableReload { source = configFile; };
    systemd.services.nginx = {
      description = "Nginx Web Server";
      wantedBy = [ "multi-user.target" ];
      after = [ "network.target" ];
      stopIfChanged = false;
      startLimitIntervalSec = 60;
      preStart = mkIf (cfg.preStart != "") cfg.preStart;
      reloadTriggers = mkIf cfg.enableReload [ configFile ];
      enableDefaultPath = false;
      serviceConfig = {
        ExecStart = exe;
        ExecReload = [ "${exe} -t" "/run/current-system/sw/bin/kill -HUP $MAINPID" ];
        Restart = "always";
        RestartSec = "10s";
        User = cfg.user;
        Group = cfg.group;
        RuntimeDirectory = "nginx";
        RuntimeDirectoryMode = "0750";
        CacheDirectory = "nginx";
        CacheDirectoryMode = "0750";
        LogsDirectory = "nginx";
        LogsDirectoryMode = "0750";
        ProcSubset = "pid";
        ProtectProc = "invisible";
        UMask = "0027";
        AmbientCapabilities = [ "CAP_NET_BIND_SERVICE" "CAP_SYS_RESOURCE" ];
        CapabilityBoundingSet = [ "CAP_NET_BIND_SERVICE" "CAP_SYS_RESOURCE" ];
        NoNewPrivileges = true;
        ProtectSystem = "strict";
        ProtectHome = lib.mkDefault true;
        PrivateTmp = true;
        PrivateDevices = true;
        ProtectHostname = true;
        ProtectClock = true;
        ProtectKernelTunables = true;
        ProtectKernelModules = true;
        ProtectKernelLogs = true;
        ProtectControlGroups = true;
        RestrictAddressFamilies = [ "AF_UNIX" "AF_INET" "AF_INET6" ];
        RestrictNamespaces = true;
        LockPersonality = true;
        RestrictRealtime = true;
        RestrictSUIDSGID = true;
        RemoveIPC = true;
        PrivateMounts = true;
      };
    };
    users.users = lib.optionalAttrs (cfg.user == "nginx") { nginx = { inherit (cfg) group; isSystemUser = true; uid = 60; }; };
    users.groups = lib.optionalAttrs (cfg.group == "nginx") { nginx.gid = 60; };
    services.logrotate.settings.nginx = lib.mapAttrs (_: lib.mkDefault) {
      files = [ "/var/log/nginx/*.log" ];
      frequency = "weekly";
      su = "${cfg.user} ${cfg.group}";
      rotate = 26;
      compress = true;
      delaycompress = true;
      postrotate = "[ ! -f /var/run/nginx/nginx.pid ] || kill -USR1 `cat /var/run/nginx/nginx.pid`";
    };
  };
}
