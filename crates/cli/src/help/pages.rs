//! What the tables of flags do not say: arguments, more about a command, examples.

/// A page's words.
pub(super) struct Words {
    pub path: &'static [&'static str],
    pub arguments: &'static str,
    pub about: &'static str,
    pub examples: &'static [(&'static str, &'static str)],
}

/// What an installable is; part of the page of all commands.
pub(super) const INSTALLABLES: &str = "Most commands take installables. An installable is a flake reference with an attribute behind `#` (`nixpkgs#hello`, `.#checks.x86_64-linux.unit`, `github:owner/repo/branch#thing`), a store path or a link to one, or, with --file or --expr, an attribute of an expression. Without an attribute the flake's default output is meant; without any installable, the flake of the current folder. `^out,dev` behind it chooses outputs, `^*` all of them.";

const fn words(
    path: &'static [&'static str],
    arguments: &'static str,
    about: &'static str,
    examples: &'static [(&'static str, &'static str)],
) -> Words {
    Words { path, arguments, about, examples }
}

const ALL: &[Words] = &[
    words(
        &["build"],
        "[INSTALLABLE…]",
        "Builds what the installables mean, or fetches it from a binary cache, and leaves links called `result` to it. A link keeps the result from the garbage collector until it is removed.",
        &[
            ("Build the default package of the flake in the current folder", "nix build"),
            ("Build a package and print where it is", "nix build --no-link --print-out-paths nixpkgs#hello"),
            ("Build twice and see whether the results are equal", "nix build --rebuild nixpkgs#hello"),
            ("Build an attribute of a file", "nix build -f ./default.nix tools"),
        ],
    ),
    words(
        &["run"],
        "[INSTALLABLE [ARGUMENT…]]",
        "Builds an app or a package and runs its program: what an app calls `program`, or `bin/` and the package's meta.mainProgram, pname or name. Flags of the program come after `--`.",
        &[
            ("Run a program", "nix run nixpkgs#hello"),
            ("Run it with flags of its own", "nix run nixpkgs#hello -- --greeting hi"),
        ],
    ),
    words(
        &["env", "shell"],
        "[INSTALLABLE…] [-c COMMAND [ARGUMENT…]]",
        "Starts a shell ($SHELL) in which the `bin` folders of the packages come first in the search path. With -c the command runs instead; everything behind it belongs to the command.",
        &[
            ("A shell with two programs", "nix shell nixpkgs#jq nixpkgs#curl"),
            ("One command with a program in the search path", "nix shell nixpkgs#hello -c hello --version"),
            (
                "As interpreter of a script",
                "#!/usr/bin/env nix\n#! nix shell nixpkgs#bash nixpkgs#jq -c bash\njq . \"$1\"",
            ),
        ],
    ),
    words(
        &["develop"],
        "[INSTALLABLE]",
        "Starts bash with the environment that the builder of a derivation has after the setup of its standard environment, for working on the package by hand. Looks for devShells first, then packages. Outputs go to ./outputs.",
        &[
            ("Work on the default package of this flake", "nix develop"),
            ("Run one command in the environment", "nix develop -c make -j4"),
            ("Run a phase", "nix develop --build"),
            ("Keep the environment from the garbage collector", "nix develop --profile ./dev"),
        ],
    ),
    words(
        &["print-dev-env"],
        "[INSTALLABLE]",
        "Prints what `nix develop` would set up: shell code for bash, or JSON with --json.",
        &[("Take the environment into a running shell", "source <(nix print-dev-env)")],
    ),
    words(
        &["eval"],
        "[INSTALLABLE]",
        "Evaluates and prints the value as Nix, as JSON (--json), or a string without quotes (--raw). Nothing is built, but for imports from derivations.",
        &[
            ("An attribute of a flake", "nix eval .#nixosConfigurations.machine.config.networking.hostName"),
            ("An expression", "nix eval --expr '1 + 2'"),
            ("What a package is called", "nix eval --raw nixpkgs#hello.name"),
        ],
    ),
    words(
        &["search"],
        "INSTALLABLE REGEX…",
        "Lists packages whose attribute path, name or description fit all regular expressions, with what fits highlighted. `^` fits everything.",
        &[
            ("Packages with something in their name", "nix search nixpkgs python"),
            ("With both, but without a third", "nix search nixpkgs editor vim -e neovim"),
        ],
    ),
    words(
        &["profile", "add"],
        "INSTALLABLE…",
        "Builds packages and adds them to a profile, whose programs are in the search path of your login shell. Every change makes a new version, to which one can go back.",
        &[
            ("Add a package", "nix profile add nixpkgs#hello"),
            ("Into a profile of its own", "nix profile add --profile ./tools nixpkgs#jq"),
        ],
    ),
    words(
        &["profile", "remove"],
        "[NAME…]",
        "Removes packages by the name that `nix profile list` shows, by store path, by regular expression (--regex), or all of them (--all).",
        &[("Remove a package", "nix profile remove hello")],
    ),
    words(
        &["profile", "upgrade"],
        "[NAME…]",
        "Looks up the flake of each package again and builds what it gives now.",
        &[("Everything", "nix profile upgrade --all")],
    ),
    words(
        &["profile", "rollback"],
        "",
        "Goes back to the version before the current one, or to the one of --to.",
        &[("To a certain version", "nix profile rollback --to 5")],
    ),
    words(
        &["profile", "wipe-history"],
        "",
        "Deletes the versions that are not current; what they held is then the garbage collector's.",
        &[("Keep a month", "nix profile wipe-history --older-than 30d")],
    ),
    words(
        &["copy"],
        "[INSTALLABLE…]",
        "Copies paths with everything that they refer to from one store to another. Paths that are there already are passed over. Without --from or --to the other side is the store of --store.",
        &[
            ("Into a store below a folder", "nix copy --to 'local?root=/mnt' ./result"),
            ("Everything that is there", "nix copy --all --from /mnt"),
        ],
    ),
    words(
        &["why-depends"],
        "PACKAGE DEPENDENCY",
        "Shows by which references a package needs another: the shortest chain, or all references that lead there (--all). With --precise, the files in which the reference stands.",
        &[("Who brings in bash", "nix why-depends nixpkgs#hello nixpkgs#bash")],
    ),
    words(
        &["store", "gc"],
        "",
        "Deletes every path that no root reaches. Roots are profiles, `result` links, and what running programs have open.",
        &[
            ("See what would go", "nix store gc --dry-run"),
            ("Free ten gigabytes, not more", "nix store gc --max 10G"),
        ],
    ),
    words(
        &["store", "delete"],
        "INSTALLABLE…",
        "Deletes paths, if nothing needs them.",
        &[("A result that is not wanted any more", "rm result; nix store delete /nix/store/…-hello-2.12")],
    ),
    words(
        &["store", "diff-closures"],
        "BEFORE AFTER",
        "Lists by package which versions appeared and vanished between two closures, and how their sizes changed (from 8 KiB on). ∅ stands for no version at all, ε for a package without one.",
        &[("Two generations of a system", "nix store diff-closures /nix/var/nix/profiles/system-{1,2}-link")],
    ),
    words(
        &["store", "sign"],
        "INSTALLABLE…",
        "Signs paths with a secret key.",
        &[("Sign a closure", "nix store sign -r -k ./secret-key ./result")],
    ),
    words(
        &["store", "copy-sigs"],
        "INSTALLABLE…",
        "Takes signatures of paths over from other stores.",
        &[("From a store below a folder", "nix store copy-sigs -r -s 'local?root=/mnt' ./result")],
    ),
    words(
        &["store", "repair"],
        "INSTALLABLE…",
        "Fetches or builds paths again whose contents are not what was registered.",
        &[("A damaged path", "nix store repair /nix/store/…-hello-2.12")],
    ),
    words(
        &["store", "verify"],
        "[INSTALLABLE…]",
        "Compares the contents of paths with what was registered, and looks for trusted signatures. The exit status has bit 0 for corrupt paths, bit 1 for untrusted ones, bit 2 for what failed otherwise.",
        &[
            ("The whole store", "nix store verify --all"),
            ("Contents only", "nix store verify --no-trust -r ./result"),
        ],
    ),
    words(
        &["store", "make-content-addressed"],
        "INSTALLABLE…",
        "Makes copies of closures whose paths follow from their contents alone, so that they can be copied to stores that trust no signature.",
        &[("A result", "nix store make-content-addressed ./result")],
    ),
    words(
        &["store", "prefetch-file"],
        "URL",
        "Downloads a file into the store and prints its hash, for use in an expression.",
        &[("A hash for fetchurl", "nix store prefetch-file https://example.org/x.tar.gz")],
    ),
    words(
        &["derivation", "add"],
        "",
        "Reads a derivation as JSON from the standard input, as `nix derivation show` prints one, and adds it to the store.",
        &[(
            "A copy with another name",
            "nix derivation show x.drv | jq '.derivations[] | .name = \"y\"' | nix derivation add",
        )],
    ),
    words(
        &["log"],
        "INSTALLABLE",
        "Shows the log of the build that made something; with a pager, on a terminal.",
        &[("Of a result", "nix log ./result")],
    ),
    words(
        &["edit"],
        "INSTALLABLE",
        "Opens the file that defines a package in $EDITOR, at the line (for editors that know +LINE).",
        &[("A package", "nix edit nixpkgs#hello")],
    ),
    words(
        &["formatter", "run"],
        "[ARGUMENT…]",
        "Runs the flake's `formatter` with the arguments; PRJ_ROOT in its environment is the flake's folder.",
        &[("Format this flake", "nix fmt")],
    ),
    words(
        &["config", "show"],
        "[NAME]",
        "Prints all settings with their values, or the value of one.",
        &[
            ("One setting", "nix config show substituters"),
            ("With descriptions and defaults", "nix config show --json"),
        ],
    ),
    words(
        &["hash", "convert"],
        "HASH…",
        "Prints hashes in another form.",
        &[("To the form of flakes", "nix hash convert --hash-algo sha256 --to sri HASH")],
    ),
    words(
        &["nix-shell"],
        "",
        "Starts a shell in which a derivation can be built by hand: its inputs are built, its variables are set, and the setup of its standard environment is run. shell.nix is looked for before default.nix. With -p the arguments are packages of <nixpkgs>.",
        &[
            ("A shell for the package in this folder", "nix-shell"),
            ("Two programs", "nix-shell -p jq curl"),
            ("One command, with little of the outer environment", "nix-shell --pure -p hello --run hello"),
            ("As interpreter of a script", "#!/usr/bin/env nix-shell\n#! nix-shell -i python3 -p python3"),
        ],
    ),
    words(
        &["nix-env"],
        "",
        "Changes and shows profiles in the old way. An operation is given as a flag, such as -i; every change makes a new generation.",
        &[
            ("Install by attribute", "nix-env -f '<nixpkgs>' -iA hello"),
            ("What is installed", "nix-env -q"),
            ("Go back", "nix-env --rollback"),
        ],
    ),
    words(
        &["nix-channel"],
        "",
        "Keeps copies of package sets under names. New machines do better with flakes.",
        &[(
            "Add one and fetch it",
            "nix-channel --add https://example.org/nixexprs.tar.xz stable\nnix-channel --update",
        )],
    ),
    words(
        &["nix-collect-garbage"],
        "",
        "Without -d, the same as `nix store gc`.",
        &[("Keep a month of generations", "nix-collect-garbage --delete-older-than 30d")],
    ),
];

/// What a group of commands is about.
pub(super) fn group(words: &[&str]) -> &'static str {
    match words.first().copied() {
        None => "build, run and keep software reproducibly",
        Some("store") => "work on the store",
        Some("flake") => "work on flakes",
        Some("profile") => "manage profiles",
        Some("hash") => "compute and convert hashes",
        Some("key") => "make keys for signatures",
        Some("nar") => "look into archives of store paths",
        Some("derivation") => "show and add derivations",
        Some("config") => "look at the settings",
        Some("registry") => "manage the names of flakes",
        Some("env") => "change the environment of programs",
        Some("formatter") => "build or run the formatter",
        Some("base") => "manage the embedded package set",
        Some("cache") => "serve and manage binary caches",
        Some(_) => "several commands",
    }
}

/// The words of a command's page.
pub(super) fn of(path: &[&str]) -> Option<&'static Words> {
    ALL.iter().find(|w| w.path == path)
}

/// The commands that have a page.
#[cfg(test)]
pub(super) fn paths() -> impl Iterator<Item = &'static [&'static str]> {
    ALL.iter().map(|w| w.path)
}
