# The environment of shells and services: variables, profiles, aliases, the prompt.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.environment;
  value = types.oneOf [ (types.listOf (types.oneOf [ types.int types.str types.path ])) types.int types.str types.path ];
  variables = mkOption {
    type = types.attrsOf (types.nullOr value);
    default = { };
    apply = lib.mapAttrs (_: v: if v == null then null else if builtins.isList v then lib.concatMapStringsSep ":" toString v else toString v);
    description = "Variables of the environment; lists are joined by colons.";
  };
  exports = vars: lib.concatStrings (lib.mapAttrsToList (n: v: if v == null then "unset ${n}\n" else "export ${n}=\"${v}\"\n") vars);
  relative = lib.mapAttrsToList
    (n: suffixes: "export ${n}=\"${lib.concatMapStringsSep ":" (p: lib.concatMapStringsSep ":" (s: "${p}${s}") suffixes) cfg.profiles}\${${n}:+:\$${n}}\"")
    (lib.mapAttrs (_: v: if builtins.isList v then v else [ v ]) cfg.profileRelativeEnvVars);
  aliases = lib.concatStrings (lib.mapAttrsToList (n: v: lib.optionalString (v != null) "alias -- ${n}=${lib.escapeShellArg v}\n") (cfg.shellAliases // config.programs.bash.shellAliases));
  bash = config.programs.bash;
in
{
  options.environment = {
    variables = variables;
    sessionVariables = variables;
    profiles = mkOption { type = types.listOf types.str; default = [ ]; description = "Folders of packages that shells use, the strongest first."; };
    profileRelativeEnvVars = mkOption { type = types.attrsOf (types.either types.str (types.listOf types.str)); default = { }; description = "Variables that hold one folder of every profile."; };
    profileRelativeSessionVariables = mkOption { type = types.attrsOf (types.listOf types.str); default = { }; description = "The same, for sessions."; };
    shellInit = mkOption { type = types.lines; default = ""; description = "Shell code that every shell runs at its start."; };
    loginShellInit = mkOption { type = types.lines; default = ""; description = "Shell code that login shells run."; };
    interactiveShellInit = mkOption { type = types.lines; default = ""; description = "Shell code that interactive shells run."; };
    extraInit = mkOption { type = types.lines; default = ""; description = "Shell code that runs when the environment is set up."; };
    shellAliases = mkOption { type = types.attrsOf (types.nullOr (types.either types.str types.path)); default = { }; description = "Aliases of all shells."; };
    shells = mkOption { type = types.listOf (types.either types.shellPackage types.path); default = [ ]; description = "Shells that may be login shells."; };
    homeBinInPath = mkOption { type = types.bool; default = false; description = "Whether ~/bin is searched."; };
    localBinInPath = mkOption { type = types.bool; default = false; description = "Whether ~/.local/bin is searched."; };
    binsh = mkOption { type = types.path; default = "${pkgs.dash}/bin/dash"; internal = true; description = "What /bin/sh is."; };
    usrbinenv = mkOption { type = types.nullOr types.path; default = "${pkgs.coreutils}/bin/env"; internal = true; description = "What /usr/bin/env is."; };
    memoryAllocator.provider = mkOption { type = types.str; default = "libc"; description = "The memory allocator; only libc's."; };
    stub-ld.enable = mkOption { type = types.bool; default = false; description = "Without effect: programs of other systems find their loader in /lib64."; };
    unixODBCDrivers = mkOption { type = types.listOf types.package; default = [ ]; description = "Drivers for ODBC."; };
  };
  options.programs.bash = {
    enable = mkOption { type = types.bool; default = true; description = "Whether bash is set up."; };
    promptInit = mkOption {
      type = types.lines;
      default = ''
        # A bright prompt where the terminal can show it; plain otherwise.
        if [ "$TERM" != dumb ]; then
          colour='1;31m'; [ "$UID" = 0 ] || colour='1;32m'
          PS1="\n\[\033[$colour\][\u@\h:\w]\\$\[\033[0m\] "
        fi
      '';
      description = "Shell code that sets the prompt.";
    };
    shellInit = mkOption { type = types.lines; default = ""; description = "Shell code that every bash runs."; };
    loginShellInit = mkOption { type = types.lines; default = ""; description = "Shell code that login bashes run."; };
    interactiveShellInit = mkOption { type = types.lines; default = ""; description = "Shell code that interactive bashes run."; };
    logout = mkOption { type = types.lines; default = ""; description = "Shell code that bash runs at its end."; };
    shellAliases = mkOption { type = types.attrsOf (types.nullOr (types.either types.str types.path)); default = { }; description = "Aliases of bash."; };
    completion.enable = mkOption { type = types.bool; default = true; description = "Without effect: there is no completion package in the base."; };
    enableLsColors = mkOption { type = types.bool; default = true; description = "Whether ls shows colours."; };
  };

  config = {
    environment.profiles = [ "$HOME/.nix-profile" "/nix/var/nix/profiles/default" "/run/current-system/sw" ];
    environment.variables = {
      EDITOR = lib.mkDefault "nano";
      PAGER = lib.mkDefault "less -R";
      NIX_PATH = lib.mkDefault "nixpkgs=/etc/nix/path/nixpkgs:nixos-config=/etc/nixos/configuration.nix";
      XDG_CONFIG_DIRS = lib.mkDefault [ "/etc/xdg" ];
    };
    environment.shellAliases = lib.mapAttrs (_: lib.mkDefault) { ls = "ls --color=tty"; ll = "ls -l"; l = "ls -alh"; };
    environment.etc = {
      "set-environment".text = ''
        # Set up the environment of a session; sourced once.
        export __NIXOS_SET_ENVIRONMENT_DONE=1
        ${exports (cfg.sessionVariables // cfg.variables)}
        export PATH="/run/wrappers/bin:${lib.optionalString cfg.localBinInPath "$HOME/.local/bin:"}${lib.optionalString cfg.homeBinInPath "$HOME/bin:"}${lib.concatMapStringsSep ":" (p: "${p}/bin") cfg.profiles}:/run/current-system/sw/sbin"
        export XDG_DATA_DIRS="${lib.concatMapStringsSep ":" (p: "${p}/share") cfg.profiles}"
        export TERMINFO_DIRS="/run/current-system/sw/share/terminfo:/run/current-system/sw/lib/terminfo"
        ${lib.concatStringsSep "\n" relative}
        ${cfg.extraInit}
      '';
      profile.text = ''
        if [ -z "$__NIXOS_SET_ENVIRONMENT_DONE" ]; then . /etc/set-environment; fi
        ${cfg.shellInit}
        ${bash.shellInit}
        ${cfg.loginShellInit}
        ${bash.loginShellInit}
        if [ -f /etc/profile.local ]; then . /etc/profile.local; fi
        if [ -n "''${BASH_VERSION:-}" ]; then . /etc/bashrc; fi
      '';
      bashrc.text = ''
        if [ -n "$__ETC_BASHRC_SOURCED" ]; then return; fi
        __ETC_BASHRC_SOURCED=1
        if [ -z "$__NIXOS_SET_ENVIRONMENT_DONE" ]; then . /etc/set-environment; fi
        if [ -n "$PS1" ]; then
        shopt -s checkwinsize
        ${bash.promptInit}
        ${aliases}
        ${cfg.interactiveShellInit}
        ${bash.interactiveShellInit}
        fi
        if [ -f /etc/bashrc.local ]; then . /etc/bashrc.local; fi
      '';
      # The name that Debian's bash looks for.
      "bash.bashrc".text = ". /etc/bashrc\n";
      inputrc.text = ''
        set meta-flag on
        set input-meta on
        set output-meta on
        set colored-stats on
        "\e[1;5C": forward-word
        "\e[1;5D": backward-word
        "\e[3~": delete-char
        "\e[1~": beginning-of-line
        "\e[4~": end-of-line
        "\eOH": beginning-of-line
        "\eOF": end-of-line
      '';
      "bash_logout" = lib.mkIf (bash.logout != "") { text = bash.logout; };
    };
  };
}
