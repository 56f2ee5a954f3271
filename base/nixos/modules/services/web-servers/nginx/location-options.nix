# The options of one location of a virtual host.
{ lib, config }:
let
  inherit (lib) mkOption types;
  text = description: mkOption { type = types.nullOr types.str; default = null; inherit description; };
in
{
  options = {
    proxyPass = text "The server that requests are passed on to.";
    proxyWebsockets = mkOption { type = types.bool; default = false; description = "Whether web sockets are passed on too."; };
    recommendedProxySettings = mkOption { type = types.bool; default = config.services.nginx.recommendedProxySettings; defaultText = "services.nginx.recommendedProxySettings"; description = "Whether the server learns who asked."; };
    uwsgiPass = text "The uwsgi server.";
    recommendedUwsgiSettings = mkOption { type = types.bool; default = false; description = "Without effect."; };
    index = text "The file that stands for a folder.";
    tryFiles = text "Files that are tried in order.";
    root = mkOption { type = types.nullOr types.path; default = null; example = "/your/root/directory"; description = "The folder that is served."; };
    alias = mkOption { type = types.nullOr types.path; default = null; description = "The folder that stands for the location."; };
    return = mkOption { type = types.nullOr (types.oneOf [ types.str types.int ]); default = null; description = "The answer."; };
    fastcgiParams = mkOption { type = types.attrsOf (types.either types.str types.path); default = { }; description = "Parameters of FastCGI."; };
    basicAuth = mkOption { type = types.attrsOf types.str; default = { }; description = "Users and passwords. They lie readable in the store."; };
    basicAuthFile = mkOption { type = types.nullOr types.path; default = null; description = "A file with users and passwords."; };
    extraConfig = mkOption { type = types.lines; default = ""; description = "More lines."; };
    priority = mkOption { type = types.int; default = 1000; description = "The place among the locations."; };
  };
}
