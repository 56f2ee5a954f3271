# Programs that need more than being installed.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption mkIf types;
  p = config.programs;
  flag = default: description: mkOption { type = types.bool; inherit default description; };
  package = name: mkOption { type = types.package; default = pkgs.${name}; defaultText = "pkgs.${name}"; description = "The package."; };
  lines = description: mkOption { type = types.lines; default = ""; inherit description; };
in
{
  options.programs = {
    git = {
      enable = flag false "Whether git is installed and set up for all users.";
      package = package "git";
      config = mkOption { type = types.attrsOf (types.attrsOf types.anything); default = { }; description = "The contents of /etc/gitconfig."; };
      lfs.enable = flag false "Without effect.";
    };
    vim = { enable = flag false "Whether vim is installed."; defaultEditor = flag false "Whether it is the editor."; package = package "vim"; };
    nano = { enable = flag true "Whether nano is installed."; nanorc = lines "Lines of nanorc."; syntaxHighlight = flag true "Whether it shows syntax."; };
    less = { enable = flag true "Whether less is installed."; lessopen = mkOption { type = types.nullOr types.str; default = null; description = "The preprocessor of less."; }; };
    tmux = { enable = flag false "Whether tmux is installed."; extraConfig = lines "Lines of tmux.conf."; };
    htop = { enable = flag false "Whether htop is installed."; };
    screen = { enable = flag false "Whether screen is installed."; };
    zsh = { enable = flag false "Not in the base."; };
    fish = { enable = flag false "Not in the base."; };
    mtr.enable = flag false "Whether mtr is installed.";
    iftop.enable = flag false "Not in the base.";
    tcpdump.enable = flag false "Whether tcpdump is installed.";
    command-not-found.enable = flag false "Without effect: there is no index of programs.";
    nix-ld.enable = flag false "Without effect: programs of other systems find their loader in /lib64.";
    direnv.enable = flag false "Whether direnv is installed.";
    neovim.enable = flag false "Not in the base.";
    gnupg.agent = { enable = flag false "Whether gpg-agent runs in sessions."; enableSSHSupport = flag false "Whether it serves ssh."; };
    fuse.userAllowOther = flag false "Whether other users may use one's file systems.";
    ssh = {
      extraConfig = lines "Lines of ssh_config.";
      startAgent = flag false "Whether ssh-agent runs in sessions.";
      knownHosts = mkOption {
        default = { };
        description = "Keys of machines.";
        type = types.attrsOf (types.submodule ({ name, config, ... }: {
          options = {
            hostNames = mkOption { type = types.listOf types.str; default = [ name ] ++ config.extraHostNames; description = "The machine's names."; };
            extraHostNames = mkOption { type = types.listOf types.str; default = [ ]; description = "More names."; };
            certAuthority = mkOption { type = types.bool; default = false; description = "Whether the key signs others."; };
            publicKey = mkOption { type = types.nullOr types.str; default = null; description = "The key."; };
            publicKeyFile = mkOption { type = types.nullOr types.path; default = null; description = "A file with the key."; };
          };
        }));
      };
    };
  };
  config = lib.mkMerge [
    (mkIf p.git.enable {
      environment.systemPackages = [ p.git.package ];
      environment.etc.gitconfig = mkIf (p.git.config != { }) { text = lib.generators.toGitINI p.git.config; };
    })
    (mkIf p.vim.enable { environment.systemPackages = [ p.vim.package ]; })
    (mkIf (p.vim.enable && p.vim.defaultEditor) { environment.variables.EDITOR = lib.mkOverride 900 "vim"; })
    (mkIf p.tmux.enable { environment.systemPackages = [ pkgs.units.tmux ]; environment.etc."tmux.conf".text = p.tmux.extraConfig; })
    (mkIf p.htop.enable { environment.systemPackages = [ pkgs.units.htop ]; })
    (mkIf p.screen.enable { environment.systemPackages = [ pkgs.units.screen ]; })
    (mkIf p.mtr.enable { environment.systemPackages = [ pkgs.units.mtr-tiny ]; })
    (mkIf p.tcpdump.enable { environment.systemPackages = [ pkgs.units.tcpdump ]; })
    (mkIf p.direnv.enable { environment.systemPackages = [ pkgs.units.direnv ]; environment.interactiveShellInit = ''eval "$(direnv hook bash)"''; })
    (mkIf (p.nano.enable && p.nano.nanorc != "") { environment.etc.nanorc.text = p.nano.nanorc; })
    {
      assertions = lib.concatMap (n: [ { assertion = !p.${n}.enable; message = "programs.${n}: it is not in the embedded base."; } ]) [ "zsh" "fish" "neovim" "iftop" ];
      environment.etc."ssh/ssh_config".text = ''
        Host *
        GlobalKnownHostsFile /etc/ssh/ssh_known_hosts
        ${p.ssh.extraConfig}
      '';
      environment.etc."ssh/ssh_known_hosts".text = lib.concatStrings (lib.mapAttrsToList
        (_: h: "${lib.optionalString h.certAuthority "@cert-authority "}${lib.concatStringsSep "," h.hostNames} ${if h.publicKey != null then h.publicKey else builtins.readFile h.publicKeyFile}\n")
        p.ssh.knownHosts);
    }
  ];
}
