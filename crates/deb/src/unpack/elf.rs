//! Gives ELF files their interpreter and RUNPATH.
//!
//! The file stays as it is but for one new read-only segment at its end, which holds the new interpreter path, the string table with the new
//! RUNPATH, and what had to make room. The table of program headers stays where it is, because kernels before 5.18 tell the dynamic linker its
//! place from the file offset; room for one more entry comes from the old interpreter path and the notes behind the table, which move.
//! The dynamic section stays, too, where it has a free entry (GNU ld leaves five), else it moves.
//! Sources: the System V ABI, "Object Files" and "Dynamic Linking"; the x86-64 supplement; elf(5).

mod image;
mod patch;

use std::fs::OpenOptions;

use super::closure::Closure;
use super::libraries::Libraries;
use super::tree::{Kind, Node, Tree, lay_out};
use crate::DebError;
use crate::error::Context as _;
use image::Image;
use patch::Patch;

/// The dynamic linker, in our layout; the package of the C library has it.
const LINKER: &str = "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2";

/// Relocates every dynamic ELF file of the tree.
pub(super) fn relocate(
    tree: &Tree,
    closure: &mut Closure,
    extra: &[String],
    log: &mut dyn FnMut(&str),
) -> Result<(), DebError> {
    let linker = closure.find_absolute(tree, LINKER);
    let extra: Vec<String> = extra
        .iter()
        .map(
            |folder| {
                if folder.starts_with('/') { folder.clone() } else { format!("{}/{folder}", closure.out) }
            },
        )
        .collect();
    let old_folders = |closure: &mut Closure, folder: &str| closure.find_absolute(tree, folder);
    let mut jobs = Vec::new();
    for (path, node) in tree.nodes() {
        if *node != Node::File(Kind::Elf) || is_untouched(path) {
            continue;
        }
        let disk = tree.disk(path);
        let file = OpenOptions::new().read(true).write(true).open(&disk).context("open", &disk)?;
        match Image::read(&file) {
            Ok(Some(image)) => {
                // Folders of the old run path are looked up here: the libraries borrow the closure below.
                let kept: Vec<String> = (image.run_path.iter().flat_map(|old| old.split(':')))
                    .filter_map(|folder| match folder {
                        origin if origin.starts_with("$ORIGIN") || origin.starts_with("${ORIGIN}") => {
                            Some(origin.to_owned())
                        }
                        absolute if absolute.starts_with('/') => {
                            let usual =
                                matches!(lay_out(absolute.trim_matches('/')), "lib" | "lib/x86_64-linux-gnu");
                            if usual { None } else { old_folders(closure, absolute) }
                        }
                        _ => None,
                    })
                    .collect();
                jobs.push((path, file, image, kept));
            }
            Ok(None) => {}
            // Packages carry damaged files on purpose, as test data of debuggers and compilers.
            Err(reason) => log(&format!("warning: '{path}' stays as it is: {reason}")),
        }
    }
    let mut libraries = Libraries::new(tree, closure);
    for (path, file, image, kept) in jobs {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut run_path = kept;
        let mut add = |folder: String| {
            if !run_path.contains(&folder) {
                run_path.push(folder);
            }
        };
        for name in &image.needed {
            match libraries.find(name, folder) {
                Some(folder) => add(folder),
                None => log(&format!("warning: '{path}' needs '{name}', which no dependency has")),
            }
        }
        image.loaded.iter().filter_map(|name| libraries.find(name, folder)).for_each(&mut add);
        extra.iter().cloned().for_each(&mut add);
        let interpreter = if image.has_interpreter() { linker.as_deref() } else { None };
        if image.has_interpreter() && linker.is_none() {
            log(&format!("warning: '{path}' keeps its interpreter: no dependency has a dynamic linker"));
        }
        let run_path = (!run_path.is_empty()).then(|| run_path.join(":"));
        if interpreter.is_none() && run_path.is_none() {
            continue;
        }
        Patch::plan(&image, interpreter, run_path.as_deref())
            .and_then(|patch| patch.apply(&file).map_err(|error| error.to_string()))
            .map_err(|reason| DebError::Elf { file: path.clone(), reason })?;
    }
    Ok(())
}

/// The dynamic linker itself, kernel modules, and what is booted, not run.
fn is_untouched(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with("ld-linux")
        || name.ends_with(".ko")
        || path.starts_with("boot/")
        || path.starts_with("lib/debug/")
}
