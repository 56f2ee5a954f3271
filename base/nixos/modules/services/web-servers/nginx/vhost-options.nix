# The options of one virtual host.
{ lib, config, ... }:
let
  inherit (lib) mkOption types;
  flag = default: description: mkOption { type = types.bool; inherit default description; };
  path = description: mkOption { type = types.nullOr types.path; default = null; inherit description; };
in
{
  options = {
    serverName = mkOption { type = types.nullOr types.str; default = null; description = "The host's name, if not the attribute's."; };
    serverAliases = mkOption { type = types.listOf types.str; default = [ ]; description = "More names."; };
    listen = mkOption {
      default = [ ];
      description = "Addresses that are listened on.";
      type = types.listOf (types.submodule {
        options = {
          addr = mkOption { type = types.str; description = "The address."; };
          port = mkOption { type = types.nullOr types.port; default = null; description = "The port."; };
          ssl = flag false "Whether TLS is spoken.";
          proxyProtocol = flag false "Whether the proxy protocol is spoken.";
          extraParameters = mkOption { type = types.listOf types.str; default = [ ]; description = "More words."; };
        };
      });
    };
    listenAddresses = mkOption { type = types.listOf types.str; default = [ ]; description = "Addresses that are listened on, on the usual ports."; };
    enableACME = flag false "Whether certificates are fetched; not in the base.";
    useACMEHost = mkOption { type = types.nullOr types.str; default = null; description = "The host whose certificate is used; not in the base."; };
    acmeRoot = mkOption { type = types.nullOr types.str; default = "/var/lib/acme/acme-challenge"; description = "Where challenges are answered."; };
    acmeFallbackHost = mkOption { type = types.nullOr types.str; default = null; description = "Who answers other challenges."; };
    addSSL = flag false "Whether TLS is offered.";
    onlySSL = flag false "Whether only TLS is offered.";
    enableSSL = flag false "Older name of onlySSL.";
    forceSSL = flag false "Whether plain requests are sent to TLS.";
    rejectSSL = flag false "Whether TLS is refused.";
    kTLS = flag false "Whether the kernel encrypts.";
    sslCertificate = path "The certificate.";
    sslCertificateKey = path "Its key.";
    sslTrustedCertificate = path "Certificates that are trusted.";
    http2 = flag true "Whether HTTP/2 is spoken.";
    http3 = flag true "Without effect.";
    quic = flag false "Without effect.";
    reuseport = flag false "Whether every worker has a socket.";
    root = path "The folder that is served.";
    default = flag false "Whether this host answers for unknown names.";
    redirectCode = mkOption { type = types.ints.between 300 399; default = 301; description = "The status of redirections."; };
    globalRedirect = mkOption { type = types.nullOr types.str; default = null; description = "The host that all requests are sent to."; };
    extraConfig = mkOption { type = types.lines; default = ""; description = "More lines."; };
    basicAuth = mkOption { type = types.attrsOf types.str; default = { }; description = "Users and passwords. They lie readable in the store."; };
    basicAuthFile = path "A file with users and passwords.";
    locations = mkOption {
      type = types.attrsOf (types.submodule (import ./location-options.nix { inherit lib config; }));
      default = { };
      example = lib.literalExpression ''{ "/" = { proxyPass = "http://localhost:3000"; }; }'';
      description = "Locations, by their path.";
    };
  };
}
