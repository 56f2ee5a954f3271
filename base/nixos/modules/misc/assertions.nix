# Conditions that the modules state about each other, and what they warn of.
{ lib, ... }:
{
  options = {
    assertions = lib.mkOption {
      type = lib.types.listOf lib.types.unspecified;
      internal = true;
      default = [ ];
      example = [ { assertion = false; message = "you can't enable this for that reason"; } ];
      description = "Conditions that must hold for the evaluation to succeed, with what to say if they do not.";
    };
    warnings = lib.mkOption {
      type = lib.types.listOf lib.types.str;
      internal = true;
      default = [ ];
      description = "What to warn of when the machine is built.";
    };
    meta = {
      maintainers = lib.mkOption { type = lib.types.listOf lib.types.unspecified; internal = true; default = [ ]; description = "Who keeps a module."; };
      doc = lib.mkOption { type = lib.types.raw; internal = true; default = null; description = "Documentation of a module."; };
      buildDocsInSandbox = lib.mkOption { type = lib.types.bool; internal = true; default = true; description = "Without effect here."; };
    };
  };
}
