# The options of sops-nix, so that configurations which set them evaluate. Nothing is decrypted yet, and the machine says so.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.sops;

  secret = { name, config, ... }: {
    options = {
      name = mkOption { type = types.str; default = name; description = "The name of the file."; };
      key = mkOption { type = types.str; default = name; description = "The key in the file of secrets."; };
      path = mkOption {
        type = types.str;
        default = (if config.neededForUsers then "/run/secrets-for-users/" else "/run/secrets/") + config.name;
        description = "Where the secret is on the machine.";
      };
      format = mkOption {
        type = types.enum [ "yaml" "json" "binary" "dotenv" "ini" ];
        default = cfg.defaultSopsFormat;
        description = "The format of the file of secrets.";
      };
      sopsFile = mkOption { type = types.path; default = cfg.defaultSopsFile; description = "The file of secrets."; };
      mode = mkOption { type = types.str; default = "0400"; description = "Who may do what with the secret, in octal."; };
      owner = mkOption { type = types.nullOr types.str; default = "root"; description = "Whose the secret is."; };
      group = mkOption { type = types.nullOr types.str; default = "root"; description = "The group that the secret belongs to."; };
      uid = mkOption { type = types.nullOr types.int; default = 0; description = "The owner as a number."; };
      gid = mkOption { type = types.nullOr types.int; default = 0; description = "The group as a number."; };
      restartUnits = mkOption { type = types.listOf types.str; default = [ ]; description = "Units to restart when the secret changes."; };
      reloadUnits = mkOption { type = types.listOf types.str; default = [ ]; description = "Units to reload when the secret changes."; };
      neededForUsers = mkOption { type = types.bool; default = false; description = "The secret is there before users are made."; };
    };
  };
in
{
  options.sops = {
    secrets = mkOption { type = types.attrsOf (types.submodule secret); default = { }; description = "Secrets of the machine."; };
    templates = mkOption { type = types.attrsOf types.anything; default = { }; description = "Files made with secrets in them."; };
    placeholder = mkOption { type = types.attrsOf types.str; default = { }; description = "What stands for a secret in a template."; };
    defaultSopsFile = mkOption { type = types.path; description = "The file of secrets that have none of their own."; };
    defaultSopsFormat = mkOption { type = types.str; default = "yaml"; description = "The format of files of secrets."; };
    validateSopsFiles = mkOption { type = types.bool; default = true; description = "Look at the files of secrets when building."; };
    keepGenerations = mkOption { type = types.ints.unsigned; default = 1; description = "How many older sets of secrets stay."; };
    log = mkOption { type = types.listOf types.str; default = [ "keyImport" "secretChanges" ]; description = "What is logged."; };
    age = {
      keyFile = mkOption { type = types.nullOr types.str; default = null; description = "A file with an age key."; };
      generateKey = mkOption { type = types.bool; default = false; description = "Make a key where there is none."; };
      sshKeyPaths = mkOption { type = types.listOf types.path; default = [ ]; description = "SSH keys to decrypt with."; };
    };
    gnupg = {
      home = mkOption { type = types.nullOr types.str; default = null; description = "A folder of GnuPG."; };
      sshKeyPaths = mkOption { type = types.listOf types.path; default = [ ]; description = "SSH keys to decrypt with."; };
    };
  };

  config.warnings = lib.optional (cfg.secrets != { })
    "sops: the stand-in of Firn's base does not decrypt secrets on machines yet: ${lib.concatStringsSep ", " (lib.attrNames cfg.secrets)}";
}
