//! `builtin:fetchurl`: one file by its hash, from hashed mirrors or its URLs; optionally unpacked from a NAR, or executable.
//!
//! Variables: `url` (or `urls`, tried in order), `unpack`, `executable`. The download is written to the output's place only
//! by this thread; its hash is checked when the output is registered.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use firn_derivation::DerivationOutput;
use firn_path::ContentMethod;
use firn_source::{Compression, RestoreOptions, restore_nar};
use firn_transfer::Request;

use super::BuiltinContext;

pub(super) fn fetchurl(context: &BuiltinContext<'_>) -> Result<(), String> {
    let output = context
        .drv
        .outputs
        .get("out")
        .ok_or_else(|| "'builtin:fetchurl' requires an 'out' output".to_owned())?;
    let kind = context.drv.derivation_type().map_err(|e| e.to_string())?;
    if !kind.is_fixed() && !kind.is_impure() {
        return Err("'builtin:fetchurl' must be a fixed-output or impure derivation".to_owned());
    }
    let urls: Vec<&str> = match context.variable("url") {
        Some(url) => vec![url],
        None => context.variable("urls").unwrap_or_default().split_whitespace().collect(),
    };
    let Some(main) = urls.first() else { return Err("attribute 'url' missing".to_owned()) };
    let is_xz = main.ends_with(".xz");
    if let DerivationOutput::Fixed(ca) = output {
        if ca.method == ContentMethod::Flat {
            for mirror in context.settings.hashed_mirrors() {
                let slash = if mirror.ends_with('/') { "" } else { "/" };
                let url = format!("{mirror}{slash}{}/{}", ca.hash.algo(), ca.hash.base16());
                if fetch(context, &url, is_xz).is_ok() {
                    return Ok(());
                }
            }
        }
    }
    let mut last = String::new();
    for url in &urls {
        match fetch(context, url, is_xz) {
            Ok(()) => return Ok(()),
            Err(why) => {
                if !last.is_empty() {
                    context.log(&last);
                }
                last = why;
            }
        }
        if context.cancel.is_cancelled() {
            break;
        }
    }
    Err(last)
}

fn fetch(context: &BuiltinContext<'_>, url: &str, is_xz: bool) -> Result<(), String> {
    let target = context.output("out")?;
    crate::local::root::remove(target).map_err(|e| e.message)?;
    let unpack = context.variable("unpack") == Some("1");
    let flat = context.scratch.join("download");
    let place = if unpack { flat.as_path() } else { target };
    download(context, url, place)?;
    if unpack {
        let file = File::open(place).map_err(|e| format!("opening file \"{}\": {e}", place.display()))?;
        let packed = if is_xz { Compression::Xz } else { Compression::None };
        let nar =
            packed.reader(std::io::BufReader::new(file)).map_err(|e| format!("unpacking {url}: {e}"))?;
        restore_nar(nar, target, RestoreOptions::default()).map_err(|e| e.to_string())?;
    }
    if context.variable("executable") == Some("1") {
        std::fs::set_permissions(target, std::fs::Permissions::from_mode(0o755))
            .map_err(|e| format!("changing the mode of \"{}\": {e}", target.display()))?;
    }
    Ok(())
}

fn download(context: &BuiltinContext<'_>, url: &str, place: &Path) -> Result<(), String> {
    let file = File::create(place).map_err(|e| format!("writing file \"{}\": {e}", place.display()))?;
    let mut out = BufWriter::with_capacity(256 * 1024, file);
    let transfer = context.transfer();
    match transfer.download(&Request::get(url), &mut Watched { out: &mut out, context }) {
        Ok(_) => out.flush().map_err(|e| format!("writing file \"{}\": {e}", place.display())),
        Err(e) => Err(e.to_string()),
    }
}

/// Ends the download when the build is given up.
struct Watched<'a, 'b, W> {
    out: &'a mut W,
    context: &'a BuiltinContext<'b>,
}

impl<W: Write> Write for Watched<'_, '_, W> {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        if self.context.cancel.is_cancelled() {
            return Err(std::io::Error::other("interrupted"));
        }
        self.out.write(data)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
