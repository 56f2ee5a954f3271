//! The builder `builtin:unpack-deb`: one unit of Debian packages becomes one store path that works where it is.
//!
//! The steps, in the order of [`unpack_deb`]:
//!
//! 1. [`archive`], [`tree`]: the packages are unpacked and laid out; files go to the output at once, symlinks stay in memory until the end,
//!    so that nothing is ever written or read through a link of the package;
//! 2. [`variables`]: what the derivation asks for by hand (`remove`, `replace`, later `wrap` and `links`);
//! 3. [`alternatives`]: links that the maintainer scripts would have made;
//! 4. [`links`]: symlinks that cross packages;
//! 5. [`elf`], [`libraries`]: interpreter and RUNPATH;
//! 6. [`text`], [`scripts`]: shebangs, module paths of Perl and Python programs, paths in configuration.
//!
//! Invariant: a file system path of the machine that builds never gets into the output. Where a dependency lies (*real*) and what it is
//! called (*logical*, `/nix/store/…`) differ in a store below a home folder; only logical paths are written.

mod alternatives;
mod archive;
mod closure;
mod elf;
mod libraries;
mod links;
mod scripts;
mod text;
mod tree;
mod variables;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::DebError;
use crate::error::Context as _;
use closure::Closure;
use tree::Tree;
use variables::Variables;

/// The number of this relocation: raised whenever an output byte would change for the same input.
pub const RELOCATION: u32 = 1;

/// What one build needs.
pub struct UnpackDeb<'a> {
    /// The package files in the order in which they are unpacked.
    pub debs: Vec<PathBuf>,
    /// The units that this one depends on directly: store path, and where it lies.
    pub deps: Vec<(String, PathBuf)>,
    /// The units in which only programs for shebangs are looked up: store path, and where it lies.
    pub essential: Vec<(String, PathBuf)>,
    /// The store path of the output.
    pub out_logical: &'a str,
    /// Where the output is to be made; must not exist.
    pub out_real: &'a Path,
    /// The environment of the derivation; see `base/README-debian.md` for the variables that count. Variables that name
    /// store paths (`debs`, `deps`, `essential`) are not read here: the fields above say where these lie.
    pub env: &'a BTreeMap<String, String>,
    /// Takes lines of the build log.
    pub log: &'a mut dyn FnMut(&str),
}

/// Unpacks and relocates the packages of one unit.
///
/// # Errors
/// Damaged or hostile packages, variables that make no sense or name what is not there, and a file system that refuses. A library
/// or program that nobody provides is no error (a package may have optional parts) but a line in the log.
pub fn unpack_deb(build: &mut UnpackDeb<'_>) -> Result<(), DebError> {
    let variables = Variables::parse(build.env)?;
    std::fs::create_dir_all(build.out_real).context("create", build.out_real)?;
    let mut tree = Tree::new(build.out_real, &variables.keep);
    let mut alternatives = alternatives::Alternatives::default();
    for deb in &build.debs {
        let scripts = tree.unpack(deb)?;
        alternatives.read(&scripts);
    }
    variables.remove(&mut tree)?;
    variables.replace(&tree, build.out_logical)?;
    alternatives.apply(&mut tree)?;
    tree.link_programs()?;
    let mut closure = Closure::read(&build.deps, &build.essential, build.out_logical)?;
    links::repair(&mut tree, &mut closure);
    elf::relocate(&tree, &mut closure, &variables.extra_rpath, build.log)?;
    text::rewrite(&tree, &mut closure)?;
    variables.wrap(&mut tree, &mut closure)?;
    variables.link(&mut tree)?;
    tree.write_file("nix-support/depends", closure.direct_list().as_bytes(), false)?;
    tree.finish()
}
