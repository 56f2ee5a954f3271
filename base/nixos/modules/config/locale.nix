# Language and time zone.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
in
{
  options = {
    i18n = {
      defaultLocale = mkOption { type = types.str; default = "en_US.UTF-8"; description = "The language and conventions of programs."; };
      extraLocaleSettings = mkOption { type = types.attrsOf types.str; default = { }; description = "More `LC_…` variables."; };
      supportedLocales = mkOption { type = types.listOf types.str; default = [ "C.UTF-8/UTF-8" "${config.i18n.defaultLocale}/UTF-8" ]; description = "Locales that are wanted."; };
      glibcLocales = mkOption { type = types.path; default = pkgs.units.libc-bin; defaultText = "pkgs.units.libc-bin"; description = "The package with the locales."; };
    };
    time = {
      timeZone = mkOption { type = types.nullOr types.str; default = null; example = "Europe/Berlin"; description = "The time zone; null means UTC, changeable by timedatectl."; };
      hardwareClockInLocalTime = mkOption { type = types.bool; default = false; description = "Whether the machine's clock shows local time."; };
    };
    location = {
      latitude = mkOption { type = types.float; description = "The place's latitude."; };
      longitude = mkOption { type = types.float; description = "The place's longitude."; };
      provider = mkOption { type = types.enum [ "manual" "geoclue2" ]; default = "manual"; description = "Where the place is known from."; };
    };
    console = {
      enable = mkOption { type = types.bool; default = true; description = "Whether there are virtual consoles."; };
      font = mkOption { type = types.nullOr (types.either types.str types.path); default = null; description = "The font of virtual consoles."; };
      keyMap = mkOption { type = types.either types.str types.path; default = "us"; description = "The keyboard of virtual consoles."; };
      colors = mkOption { type = types.listOf (types.strMatching "[[:xdigit:]]{6}"); default = [ ]; description = "The 16 colours of virtual consoles."; };
      packages = mkOption { type = types.listOf types.package; default = [ ]; description = "Packages with fonts and keyboards."; };
      earlySetup = mkOption { type = types.bool; default = false; description = "Without effect."; };
      useXkbConfig = mkOption { type = types.bool; default = false; description = "Without effect."; };
    };
  };
  config = {
    # Debian's libc has C.UTF-8 as a file only, and no other language but where a package of locales is added.
    environment.sessionVariables = {
      LANG = if builtins.elem config.i18n.defaultLocale [ "C" "POSIX" ] then config.i18n.defaultLocale else "C.UTF-8";
      LOCPATH = "${config.i18n.glibcLocales}/lib/locale";
    } // config.i18n.extraLocaleSettings;
    environment.etc."locale.conf".text = ''
      LANG=C.UTF-8
    '' + lib.concatStrings (lib.mapAttrsToList (n: v: "${n}=${v}\n") config.i18n.extraLocaleSettings);
    environment.etc."vconsole.conf" = lib.mkIf config.console.enable { text = "KEYMAP=${toString config.console.keyMap}\n" + lib.optionalString (config.console.font != null) "FONT=${toString config.console.font}\n"; };
    environment.etc.zoneinfo.source = "${pkgs.tzdata}/share/zoneinfo";
    environment.etc.localtime = lib.mkIf (config.time.timeZone != null) { source = "/etc/zoneinfo/${config.time.timeZone}"; mode = "direct-symlink"; };
    environment.etc.timezone = lib.mkIf (config.time.timeZone != null) { text = config.time.timeZone + "\n"; };
  };
}
