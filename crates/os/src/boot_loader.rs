//! Entries of the boot menu for systemd-boot (and others that read the Boot Loader Specification), and for extlinux.
//!
//! Kernels and RAM disks are copied first, entries that name them next, the default last, and what nothing names any more is
//! removed at the end; each file appears by a rename. So at every moment each entry of the menu boots.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::generations::{self, BootSpecV1, Generation};
use crate::{Error, files};

/// How a machine boots; `base/nixos/modules/system/boot/loader.nix` writes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)] // the fields are the options of `boot.loader.*`
pub struct Loader {
    pub kind: String,
    pub boot: PathBuf,
    pub esp: PathBuf,
    pub timeout: Option<u64>,
    pub limit: Option<usize>,
    pub console_mode: String,
    pub editor: bool,
    pub extra_entries: std::collections::BTreeMap<String, String>,
    pub loader: Option<PathBuf>,
    pub distro_name: String,
}

impl Loader {
    /// Reads the description.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(path: &Path) -> Result<Loader, Error> {
        serde_json::from_str(&files::text(path)?)
            .map_err(|e| Error::Format { path: path.to_owned(), why: e.to_string() })
    }
}

/// Writes the menu for all generations of a profile; `default` is the configuration that boots by itself.
///
/// # Errors
/// Those of the file system; a full partition leaves the old menu.
pub fn install(loader: &Loader, profile: &Path, default: &Path) -> Result<(), Error> {
    let mut all = generations::list(profile)?;
    let default = std::fs::canonicalize(default).map_err(Error::file("reading", default))?;
    if let Some(limit) = loader.limit {
        let drop = all.len().saturating_sub(limit.max(1));
        let mut at = 0;
        all.retain(|g| {
            at += 1;
            at > drop || g.toplevel == default
        });
    }
    match loader.kind.as_str() {
        "systemd-boot" => systemd_boot(loader, &all, &default),
        "extlinux" => extlinux(loader, &all, &default),
        _ => Ok(()),
    }
}

/// One entry of the menu.
struct Entry {
    id: String,
    title: String,
    version: String,
    kernel: String,
    initrd: Option<String>,
    options: String,
    is_default: bool,
}

/// Copies what the generations boot, and gives their entries, the newest first.
fn entries(
    loader: &Loader,
    all: &[Generation],
    default: &Path,
    folder: &Path,
    shown: &str,
) -> Result<Vec<Entry>, Error> {
    let mut out = Vec::new();
    let mut defaulted = false;
    for generation in all.iter().rev() {
        let variants = generations::specialisations(&generation.toplevel);
        for variant in std::iter::once(None).chain(variants.iter().map(Some)) {
            let top = match variant {
                None => generation.toplevel.clone(),
                Some(name) => generation.toplevel.join("specialisation").join(name),
            };
            let spec = BootSpecV1::read(&top)?;
            let is_default = variant.is_none() && generation.toplevel == default && !defaulted;
            defaulted |= is_default;
            let suffix = variant.map_or(String::new(), |v| format!("-specialisation-{v}"));
            out.push(Entry {
                id: format!("nixos-generation-{}{suffix}", generation.number),
                title: format!(
                    "{}{}",
                    loader.distro_name,
                    variant.map_or(String::new(), |v| format!(" ({v})"))
                ),
                version: format!("Generation {} {}", generation.number, spec.label),
                kernel: format!("{shown}/{}", copy(&spec.kernel, folder)?),
                initrd: spec
                    .initrd
                    .as_deref()
                    .map(|i| Ok::<_, Error>(format!("{shown}/{}", copy(i, folder)?)))
                    .transpose()?,
                options: format!("init={} {}", spec.init.display(), spec.kernel_params.join(" ")),
                is_default,
            });
        }
    }
    Ok(out)
}

/// Copies a file of the store unless it is there; the store path is part of its name, so that a name means one content.
fn copy(from: &Path, folder: &Path) -> Result<String, Error> {
    let real = std::fs::canonicalize(from).map_err(Error::file("reading", from))?;
    let package = real.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let file = real.file_name().unwrap_or_default().to_string_lossy();
    let name = format!("{package}-{file}.efi").replace(['+', '~'], "_");
    let to = folder.join(&name);
    let complete =
        |a: &Path, b: &Path| matches!((a.metadata(), b.metadata()), (Ok(a), Ok(b)) if a.len() == b.len());
    if !complete(&real, &to) {
        let mut bytes = Vec::new();
        std::fs::File::open(&real)
            .and_then(|mut f| f.read_to_end(&mut bytes))
            .map_err(Error::file("reading", &real))?;
        files::write(&to, &bytes, 0o644)?;
    }
    Ok(name)
}

fn systemd_boot(loader: &Loader, all: &[Generation], default: &Path) -> Result<(), Error> {
    let kernels = loader.boot.join("EFI/nixos");
    let menu = loader.boot.join("loader/entries");
    for folder in [&kernels, &menu, &loader.esp.join("loader")] {
        files::folder(folder)?;
    }
    if let Some(program) = &loader.loader {
        let bytes = std::fs::read(program).map_err(Error::file("reading", program))?;
        for (folder, name) in [("EFI/systemd", "systemd-bootx64.efi"), ("EFI/BOOT", "BOOTX64.EFI")] {
            let folder = loader.esp.join(folder);
            files::folder(&folder)?;
            let place = folder.join(name);
            if std::fs::read(&place).ok().as_deref() != Some(&bytes[..]) {
                files::write(&place, &bytes, 0o644)?;
            }
        }
    }
    let list = entries(loader, all, default, &kernels, "/EFI/nixos")?;
    let mut wanted = BTreeSet::new();
    for entry in &list {
        let initrd = entry.initrd.as_ref().map_or(String::new(), |i| format!("initrd {i}\n"));
        let text = format!(
            "title {}\nsort-key nixos\nversion {}\nlinux {}\n{initrd}options {}\n",
            entry.title, entry.version, entry.kernel, entry.options
        );
        let name = format!("{}.conf", entry.id);
        write_if_changed(&menu.join(&name), &text)?;
        wanted.insert(name);
    }
    for (name, text) in &loader.extra_entries {
        write_if_changed(&menu.join(name), text)?;
        wanted.insert(name.clone());
    }
    let first = list.iter().find(|e| e.is_default).or(list.first());
    if let Some(entry) = first {
        let timeout = loader.timeout.map_or("menu-force".to_owned(), |t| t.to_string());
        let text = format!(
            "timeout {timeout}\ndefault {}.conf\n{}console-mode {}\n",
            entry.id,
            if loader.editor { "" } else { "editor 0\n" },
            loader.console_mode
        );
        write_if_changed(&loader.esp.join("loader/loader.conf"), &text)?;
    }
    remove_others(&menu, |n| !n.starts_with("nixos-") || wanted.contains(n))?;
    remove_kernels(&kernels, &list)
}

fn extlinux(loader: &Loader, all: &[Generation], default: &Path) -> Result<(), Error> {
    let kernels = loader.boot.join("nixos");
    files::folder(&kernels)?;
    files::folder(&loader.boot.join("extlinux"))?;
    let list = entries(loader, all, default, &kernels, "../nixos")?;
    let first = list.iter().find(|e| e.is_default).or(list.first());
    let mut text = format!(
        "# Made from the generations of the machine.\nDEFAULT {}\nMENU TITLE ------------------------------------------------------------\nTIMEOUT {}\n",
        first.map_or("none", |e| e.id.as_str()),
        loader.timeout.map_or(-1, |t| i64::try_from(t.saturating_mul(10)).unwrap_or(i64::MAX))
    );
    for entry in &list {
        text += &format!(
            "\nLABEL {}\n  MENU LABEL {} - {}\n  LINUX {}\n",
            entry.id, entry.title, entry.version, entry.kernel
        );
        if let Some(initrd) = &entry.initrd {
            text += &format!("  INITRD {initrd}\n");
        }
        text += &format!("  APPEND {}\n", entry.options);
    }
    write_if_changed(&loader.boot.join("extlinux/extlinux.conf"), &text)?;
    remove_kernels(&kernels, &list)
}

fn write_if_changed(path: &Path, text: &str) -> Result<(), Error> {
    if files::text_or_empty(path)? == text { Ok(()) } else { files::write(path, text.as_bytes(), 0o644) }
}

fn remove_kernels(folder: &Path, list: &[Entry]) -> Result<(), Error> {
    let used: BTreeSet<&str> = list
        .iter()
        .flat_map(|e| std::iter::once(e.kernel.as_str()).chain(e.initrd.as_deref()))
        .filter_map(|p| p.rsplit('/').next())
        .collect();
    remove_others(folder, |n| used.contains(n))
}

fn remove_others(folder: &Path, keep: impl Fn(&str) -> bool) -> Result<(), Error> {
    for entry in std::fs::read_dir(folder).map_err(Error::file("reading folder", folder))?.flatten() {
        if !keep(&entry.file_name().to_string_lossy()) {
            std::fs::remove_file(entry.path()).map_err(Error::file("removing", &entry.path()))?;
        }
    }
    files::sync_folder(folder).map_err(Error::file("writing", folder))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A machine with generations 1 to 3, of which the second has a variant.
    fn machine(dir: &Path) -> Loader {
        for number in 1..=3 {
            let top = dir.join(format!("store/top{number}"));
            let kernel = dir.join(format!("store/linux{}", number / 2));
            for folder in [&top.join("specialisation"), &kernel] {
                std::fs::create_dir_all(folder).expect("a folder");
            }
            std::fs::write(kernel.join("bzImage"), format!("kernel {}", number / 2)).expect("a kernel");
            std::fs::write(kernel.join("initrd"), "ram disk").expect("a RAM disk");
            let document = |top: &Path| {
                serde_json::json!({ "org.nixos.bootspec.v1": {
                    "system": "x86_64-linux", "kernel": kernel.join("bzImage"), "initrd": kernel.join("initrd"),
                    "kernelParams": ["quiet"], "label": format!("label {number}"), "init": top.join("init"), "toplevel": top,
                }, "org.nixos.specialisation.v1": {} })
                .to_string()
            };
            std::fs::write(top.join("boot.json"), document(&top)).expect("a document");
            if number == 2 {
                let variant = top.join("specialisation/v");
                std::fs::create_dir_all(&variant).expect("a folder");
                std::fs::write(variant.join("boot.json"), document(&variant)).expect("a document");
            }
            symlink(&top, dir.join(format!("system-{number}-link"))).expect("a link");
        }
        Loader {
            kind: "systemd-boot".into(),
            boot: dir.join("boot"),
            esp: dir.join("boot"),
            timeout: Some(5),
            limit: None,
            console_mode: "keep".into(),
            editor: false,
            extra_entries: [("own.conf".to_owned(), "title own\n".to_owned())].into(),
            loader: None,
            distro_name: "NixOS".into(),
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .expect("a folder")
            .flatten()
            .map(|e| e.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn g31_the_menu_has_the_newest_generations_and_their_variants() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut loader = machine(dir.path());
        let profile = dir.path().join("system");
        install(&loader, &profile, &dir.path().join("store/top3")).expect("a menu");
        let menu = dir.path().join("boot/loader/entries");
        assert_eq!(
            names(&menu),
            [
                "nixos-generation-1.conf",
                "nixos-generation-2-specialisation-v.conf",
                "nixos-generation-2.conf",
                "nixos-generation-3.conf",
                "own.conf"
            ]
        );
        assert_eq!(names(&dir.path().join("boot/EFI/nixos")).len(), 4);
        let conf = || std::fs::read_to_string(dir.path().join("boot/loader/loader.conf")).expect("a file");
        assert!(conf().contains("default nixos-generation-3.conf\neditor 0\n"), "{}", conf());
        let entry =
            std::fs::read_to_string(menu.join("nixos-generation-2-specialisation-v.conf")).expect("an entry");
        assert!(
            entry.contains("title NixOS (v)\n") && entry.contains("specialisation/v/init quiet\n"),
            "{entry}"
        );

        // Back to the second generation, with two in the menu: the kernel of the first goes.
        loader.limit = Some(2);
        std::fs::write(menu.join("foreign.conf"), "title other\n").expect("an entry of another system");
        install(&loader, &profile, &dir.path().join("store/top2")).expect("a menu");
        assert!(conf().contains("default nixos-generation-2.conf"), "{}", conf());
        assert_eq!(names(&dir.path().join("boot/EFI/nixos")).len(), 2);
        assert!(menu.join("foreign.conf").exists() && !menu.join("nixos-generation-1.conf").exists());
    }

    #[test]
    fn a_generation_that_cannot_be_read_leaves_the_old_menu() {
        let dir = tempfile::tempdir().expect("a folder");
        let loader = machine(dir.path());
        let profile = dir.path().join("system");
        install(&loader, &profile, &dir.path().join("store/top3")).expect("a menu");
        let before = std::fs::read_to_string(dir.path().join("boot/loader/loader.conf")).expect("a file");
        std::fs::remove_file(dir.path().join("store/linux1/initrd")).expect("a file");
        assert!(install(&loader, &profile, &dir.path().join("store/top2")).is_err());
        assert_eq!(
            std::fs::read_to_string(dir.path().join("boot/loader/loader.conf")).expect("a file"),
            before
        );
        assert_eq!(names(&dir.path().join("boot/loader/entries")).len(), 5);
    }

    #[test]
    fn extlinux_has_the_same_entries() {
        let dir = tempfile::tempdir().expect("a folder");
        let loader = Loader { kind: "extlinux".into(), ..machine(dir.path()) };
        install(&loader, &dir.path().join("system"), &dir.path().join("store/top1")).expect("a menu");
        let text = std::fs::read_to_string(dir.path().join("boot/extlinux/extlinux.conf")).expect("a file");
        assert!(text.contains("DEFAULT nixos-generation-1\n") && text.contains("TIMEOUT 50\n"), "{text}");
        assert_eq!(text.matches("LABEL nixos-").count(), 4, "{text}");
    }
}
