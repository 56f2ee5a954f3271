# Options that exist under other names.
{ lib, ... }:
let inherit (lib) mkRenamedOptionModule mkAliasOptionModule mkRemovedOptionModule; in
{
  imports = [
    (mkAliasOptionModule [ "environment" "checkConfigurationOptions" ] [ "_module" "check" ])
    (mkAliasOptionModule [ "users" "extraUsers" ] [ "users" "users" ])
    (mkAliasOptionModule [ "users" "extraGroups" ] [ "users" "groups" ])
    (mkRenamedOptionModule [ "services" "mingetty" ] [ "services" "getty" ])
    (mkRenamedOptionModule [ "nix" "useSandbox" ] [ "nix" "settings" "sandbox" ])
    (mkRenamedOptionModule [ "nix" "trustedUsers" ] [ "nix" "settings" "trusted-users" ])
    (mkRenamedOptionModule [ "nix" "allowedUsers" ] [ "nix" "settings" "allowed-users" ])
    (mkRenamedOptionModule [ "nix" "binaryCaches" ] [ "nix" "settings" "substituters" ])
    (mkRenamedOptionModule [ "nix" "binaryCachePublicKeys" ] [ "nix" "settings" "trusted-public-keys" ])
    (mkRenamedOptionModule [ "nix" "maxJobs" ] [ "nix" "settings" "max-jobs" ])
    (mkRenamedOptionModule [ "nix" "buildCores" ] [ "nix" "settings" "cores" ])
    (mkRenamedOptionModule [ "nix" "autoOptimiseStore" ] [ "nix" "settings" "auto-optimise-store" ])
    (mkRenamedOptionModule [ "boot" "loader" "gummiboot" "enable" ] [ "boot" "loader" "systemd-boot" "enable" ])
    (mkRenamedOptionModule [ "boot" "cleanTmpDir" ] [ "boot" "tmp" "cleanOnBoot" ])
    (mkRenamedOptionModule [ "boot" "tmpOnTmpfs" ] [ "boot" "tmp" "useTmpfs" ])
    (mkRenamedOptionModule [ "nixpkgs" "initialSystem" ] [ "nixpkgs" "system" ])
    (mkRenamedOptionModule [ "services" "sshd" "enable" ] [ "services" "openssh" "enable" ])
    (mkRenamedOptionModule [ "networking" "defaultMailServer" ] [ "services" "ssmtp" ])
    (mkRemovedOptionModule [ "fonts" "enableFontConfig" ] "A machine has no fonts unless a package brings them.")
  ];
  options.services.ssmtp = lib.mkOption { type = lib.types.attrs; default = { }; internal = true; visible = false; description = "Not available."; };
}
