//! The names that the executable answers to.

/// Every name under which the executable is another program, sorted; `firn applets` makes links of them. A name enters when
/// its program is written: a link that only fails would hide the program that the user has.
pub const APPLETS: &[&str] = &[
    "firn-os",
    "nix",
    "nix-build",
    "nix-channel",
    "nix-collect-garbage",
    "nix-copy-closure",
    "nix-daemon",
    "nix-env",
    "nix-hash",
    "nix-instantiate",
    "nix-prefetch-url",
    "nix-shell",
    "nix-store",
    "nixos-rebuild",
    "switch-to-configuration",
];

/// The version of the reference that formats and messages follow.
pub const NIX_VERSION: &str = "2.34.8";

/// Our own version.
pub const FIRN_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What `--version` prints for a program of the family.
pub fn version_line(program: &str) -> String {
    format!("{program} (Nix) {NIX_VERSION} (Firn {FIRN_VERSION})")
}
