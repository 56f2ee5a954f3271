//! What both protocols say of store objects and builds.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::time::Duration;

use firn_derivation::{Derivation, DerivationOutput};
use firn_hash::{Algo, Format, Hash};
use firn_path::{ContentAddress, ContentMethod, DerivedPath, StoreDir, StorePath};
use firn_store::{BuildMode, BuildResult, BuildStatus, PathInfo, Realisation};

use crate::error::ProtocolError;
use crate::wire::{ReadWire, Result, WriteWire};

/// What is known of a path, without the path, as the worker protocol has it.
///
/// # Errors
/// Something that makes no sense.
pub fn read_path_info(from: &mut dyn Read, dir: &StoreDir, path: StorePath) -> Result<PathInfo> {
    let deriver = from.optional_path(dir)?;
    let nar_hash = Hash::parse_any(&from.name()?, Some(Algo::Sha256))?;
    if nar_hash.algo() != Algo::Sha256 {
        return Err(ProtocolError::malformed("the hash of an archive is no SHA-256"));
    }
    let mut info = PathInfo::new(path, nar_hash, 0);
    info.deriver = deriver;
    info.references = from.paths(dir)?;
    info.registration_time = i64::try_from(from.number()?).unwrap_or(0);
    info.nar_size = from.number()?;
    info.ultimate = from.flag()?;
    info.sigs = from.text_set()?;
    info.ca = ContentAddress::parse_opt(&from.name()?)?;
    Ok(info)
}

/// The counterpart of [`read_path_info`].
///
/// # Errors
/// The connection breaks.
pub fn write_path_info(to: &mut impl Write, dir: &StoreDir, info: &PathInfo) -> Result<()> {
    to.put_optional_path(dir, info.deriver.as_ref())?;
    to.put_text(&info.nar_hash.render(Format::Base16, false))?;
    to.put_paths(dir, &info.references)?;
    to.put_number(u64::try_from(info.registration_time).unwrap_or(0))?;
    to.put_number(info.nar_size)?;
    to.put_flag(info.ultimate)?;
    to.put_texts(info.sigs.iter())?;
    to.put_text(&info.ca.as_ref().map(ToString::to_string).unwrap_or_default())
}

/// A build's mode.
///
/// # Errors
/// Another number.
pub fn read_mode(from: &mut dyn Read) -> Result<BuildMode> {
    match from.number()? {
        0 => Ok(BuildMode::Normal),
        1 => Ok(BuildMode::Repair),
        2 => Ok(BuildMode::Check),
        _ => Err(ProtocolError::malformed("Invalid build mode")),
    }
}

/// Targets.
///
/// # Errors
/// Something that is none.
pub fn read_targets(from: &mut dyn Read, dir: &StoreDir) -> Result<Vec<DerivedPath>> {
    let count = from.count()?;
    let mut targets = Vec::new();
    for _ in 0..count {
        targets.push(DerivedPath::parse_legacy(dir, &from.name()?)?);
    }
    Ok(targets)
}

/// The counterpart of [`read_targets`].
///
/// # Errors
/// The connection breaks.
pub fn write_targets(to: &mut impl Write, dir: &StoreDir, targets: &[DerivedPath]) -> Result<()> {
    to.put_number(targets.len() as u64)?;
    for target in targets {
        to.put_text(&target.print_legacy(dir))?;
    }
    Ok(())
}

/// Which parts of a build's result a version of a protocol has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResultForm {
    /// Times of processors.
    pub cpu: bool,
    /// Outputs as pairs of name and path; else as JSON by a made-up id.
    pub plain_outputs: bool,
    /// Outputs at all.
    pub outputs: bool,
}

fn read_duration(from: &mut dyn Read) -> Result<Option<Duration>> {
    match from.number()? {
        0 => Ok(None),
        1 => Ok(Some(Duration::from_micros(from.number()?))),
        _ => Err(ProtocolError::malformed("Invalid optional tag from remote")),
    }
}

fn write_duration(to: &mut impl Write, duration: Option<Duration>) -> Result<()> {
    match duration {
        None => to.put_number(0),
        Some(duration) => {
            to.put_number(1)?;
            to.put_number(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
        }
    }
}

/// The result of building `target`.
///
/// # Errors
/// Something that makes no sense.
pub fn read_result(
    from: &mut dyn Read,
    dir: &StoreDir,
    target: DerivedPath,
    form: ResultForm,
) -> Result<BuildResult> {
    let code = from.number()?;
    let status = BuildStatus::from_code(code)
        .ok_or_else(|| ProtocolError::Malformed(format!("Invalid BuildResult status {code} from remote")))?;
    let mut result = BuildResult::failed(target, status, from.message()?);
    result.times_built = u32::try_from(from.number()?).unwrap_or(u32::MAX);
    result.is_non_deterministic = from.flag()?;
    result.start_time = i64::try_from(from.number()?).unwrap_or(0);
    result.stop_time = i64::try_from(from.number()?).unwrap_or(0);
    if form.cpu {
        result.cpu_user = read_duration(from)?;
        result.cpu_system = read_duration(from)?;
    }
    if form.outputs {
        for _ in 0..from.count()? {
            let (name, path) = read_output(from, dir, form.plain_outputs)?;
            result.outputs.insert(name, path);
        }
    }
    Ok(result)
}

fn read_output(from: &mut dyn Read, dir: &StoreDir, plain: bool) -> Result<(String, StorePath)> {
    if plain {
        let name = from.name()?;
        let path = from.path(dir)?;
        from.text_set()?;
        return Ok((name, path));
    }
    let id = from.name()?;
    let (_, name) = id
        .split_once('!')
        .ok_or_else(|| ProtocolError::Malformed(format!("Invalid derivation output id {id}")))?;
    let json: serde_json::Value = serde_json::from_str(&from.text()?)
        .map_err(|e| ProtocolError::Malformed(format!("an output is no JSON: {e}")))?;
    let path = json
        .get("outPath")
        .and_then(serde_json::Value::as_str)
        .ok_or_else(|| ProtocolError::malformed("an output has no path"))?;
    Ok((name.to_owned(), StorePath::from_base_name(path)?))
}

/// The counterpart of [`read_result`].
///
/// # Errors
/// The connection breaks.
pub fn write_result(
    to: &mut impl Write,
    dir: &StoreDir,
    result: &BuildResult,
    form: ResultForm,
) -> Result<()> {
    to.put_number(result.status as u64)?;
    to.put_text(&result.error)?;
    to.put_number(u64::from(result.times_built))?;
    to.put_flag(result.is_non_deterministic)?;
    to.put_number(u64::try_from(result.start_time).unwrap_or(0))?;
    to.put_number(u64::try_from(result.stop_time).unwrap_or(0))?;
    if form.cpu {
        write_duration(to, result.cpu_user)?;
        write_duration(to, result.cpu_system)?;
    }
    if !form.outputs {
        return Ok(());
    }
    to.put_number(result.outputs.len() as u64)?;
    for (name, path) in &result.outputs {
        if form.plain_outputs {
            to.put_text(name)?;
            to.put_path(dir, path)?;
            to.put_number(0)?;
        } else {
            // there is no such hash any more; readers take the name and the path
            let id = format!("sha256:{}!{name}", "0".repeat(64));
            let json = serde_json::json!({
                "dependentRealisations": {},
                "id": id,
                "outPath": path.base_name(),
                "signatures": [],
            });
            to.put_text(&id)?;
            to.put_text(&json.to_string())?;
        }
    }
    Ok(())
}

/// A derivation whose inputs are sources only; `name` is not part of it.
///
/// # Errors
/// Something that makes no sense.
pub fn read_derivation(from: &mut dyn Read, dir: &StoreDir, name: &str) -> Result<Derivation> {
    let mut outputs = BTreeMap::new();
    for _ in 0..from.count()? {
        let output = from.name()?;
        let (path, method, hash) = (from.name()?, from.name()?, from.name()?);
        outputs.insert(output, read_drv_output(dir, &path, &method, &hash)?);
    }
    let input_srcs = from.paths(dir)?;
    let platform = from.text()?;
    let builder = from.blob(crate::wire::MAX_TEXT)?;
    let mut args = Vec::new();
    for _ in 0..from.count()? {
        args.push(from.blob(crate::wire::MAX_TEXT)?);
    }
    let mut env = BTreeMap::new();
    for _ in 0..from.count()? {
        let key = from.blob(crate::wire::MAX_TEXT)?;
        env.insert(key, from.blob(crate::wire::MAX_TEXT)?);
    }
    Ok(Derivation {
        name: name.to_owned(),
        outputs,
        input_drvs: BTreeMap::new(),
        input_srcs,
        platform,
        builder,
        args,
        env: env.into_iter().collect(),
    })
}

fn read_drv_output(dir: &StoreDir, path: &str, method: &str, hash: &str) -> Result<DerivationOutput> {
    if method.is_empty() {
        return Ok(match path {
            "" => DerivationOutput::Deferred,
            path => DerivationOutput::InputAddressed(dir.parse(path)?),
        });
    }
    let (kind, rest) = ContentMethod::split_prefix(method);
    let algo: Algo =
        rest.parse().map_err(|_| ProtocolError::Malformed(format!("unknown hash algorithm '{rest}'")))?;
    Ok(match hash {
        "" => DerivationOutput::Floating { method: kind, algo },
        "impure" => DerivationOutput::Impure { method: kind, algo },
        hash => {
            let hash = Hash::parse_unprefixed(hash, algo)?;
            DerivationOutput::Fixed(ContentAddress { method: kind, hash })
        }
    })
}

/// The counterpart of [`read_derivation`].
///
/// # Errors
/// The connection breaks; an output of which no path can be made.
pub fn write_derivation(to: &mut impl Write, dir: &StoreDir, drv: &Derivation) -> Result<()> {
    to.put_number(drv.outputs.len() as u64)?;
    for (name, output) in &drv.outputs {
        to.put_text(name)?;
        let path = output.path(dir, &drv.name, name)?;
        let (method, hash) = match output {
            DerivationOutput::InputAddressed(_) | DerivationOutput::Deferred => {
                (String::new(), String::new())
            }
            DerivationOutput::Fixed(ca) => (ca.method_algo(), ca.hash.base16()),
            DerivationOutput::Floating { method, algo } => {
                (format!("{}{algo}", method.prefix()), String::new())
            }
            DerivationOutput::Impure { method, algo } => {
                (format!("{}{algo}", method.prefix()), "impure".to_owned())
            }
        };
        to.put_optional_path(dir, path.as_ref())?;
        to.put_text(&method)?;
        to.put_text(&hash)?;
    }
    to.put_paths(dir, &drv.input_srcs)?;
    to.put_text(&drv.platform)?;
    to.put_bytes(&drv.builder)?;
    to.put_number(drv.args.len() as u64)?;
    for arg in &drv.args {
        to.put_bytes(arg)?;
    }
    to.put_number(drv.env.len() as u64)?;
    for (name, value) in &drv.env {
        to.put_bytes(name)?;
        to.put_bytes(value)?;
    }
    Ok(())
}

/// A realisation with its key.
///
/// # Errors
/// Something that makes no sense.
pub fn read_realisation(from: &mut dyn Read, dir: &StoreDir) -> Result<Realisation> {
    Ok(Realisation {
        drv: from.path(dir)?,
        output: from.name()?,
        path: from.path(dir)?,
        sigs: from.text_set()?,
    })
}

/// The counterpart of [`read_realisation`].
///
/// # Errors
/// The connection breaks.
pub fn write_realisation(to: &mut impl Write, dir: &StoreDir, realisation: &Realisation) -> Result<()> {
    to.put_path(dir, &realisation.drv)?;
    to.put_text(&realisation.output)?;
    to.put_path(dir, &realisation.path)?;
    to.put_texts(realisation.sigs.iter())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dir() -> StoreDir {
        StoreDir::new("/nix/store").expect("a folder")
    }

    fn path(name: &str) -> StorePath {
        StorePath::from_hash(&[3; 20], name).expect("a path")
    }

    #[test]
    fn path_infos_come_back() {
        let mut info = PathInfo::new(path("x"), Hash::of(Algo::Sha256, b""), 17);
        info.references.insert(path("y"));
        info.deriver = Some(path("x.drv"));
        info.sigs.insert("k:v".into());
        info.registration_time = 5;
        info.ca =
            ContentAddress::parse_opt(&format!("fixed:r:sha256:{}", Hash::of(Algo::Sha256, b"").nix32()))
                .expect("an address");
        let mut wire = Vec::new();
        write_path_info(&mut wire, &dir(), &info).expect("memory");
        let mut input = wire.as_slice();
        assert_eq!(read_path_info(&mut input, &dir(), path("x")).expect("an info"), info);
        assert!(input.is_empty());
    }

    #[test]
    fn results_come_back() {
        let target = DerivedPath::Opaque(path("x"));
        let mut result = BuildResult::failed(target.clone(), BuildStatus::TimedOut, "why");
        result.times_built = 1;
        result.cpu_user = Some(Duration::from_micros(7));
        result.outputs.insert("out".into(), path("x"));
        for plain_outputs in [true, false] {
            let form = ResultForm { cpu: true, plain_outputs, outputs: true };
            let mut wire = Vec::new();
            write_result(&mut wire, &dir(), &result, form).expect("memory");
            let mut input = wire.as_slice();
            assert_eq!(read_result(&mut input, &dir(), target.clone(), form).expect("a result"), result);
            assert!(input.is_empty());
        }
    }

    #[test]
    fn derivations_come_back() {
        let fixed = ContentAddress { method: ContentMethod::NixArchive, hash: Hash::of(Algo::Sha256, b"") };
        let outputs = [
            ("a", DerivationOutput::InputAddressed(path("n-a"))),
            ("b", DerivationOutput::Fixed(fixed)),
            ("c", DerivationOutput::Floating { method: ContentMethod::Flat, algo: Algo::Sha1 }),
            ("d", DerivationOutput::Deferred),
            ("e", DerivationOutput::Impure { method: ContentMethod::NixArchive, algo: Algo::Sha256 }),
        ];
        let drv = Derivation {
            name: "n".into(),
            outputs: outputs.into_iter().map(|(n, o)| (n.to_owned(), o)).collect(),
            input_drvs: BTreeMap::new(),
            input_srcs: [path("src")].into(),
            platform: "p".into(),
            builder: b"/b".to_vec(),
            args: vec![b"1".to_vec(), vec![0xff]],
            env: [(b"k".to_vec(), b"v".to_vec())].into(),
        };
        let mut wire = Vec::new();
        write_derivation(&mut wire, &dir(), &drv).expect("memory");
        let mut input = wire.as_slice();
        assert_eq!(read_derivation(&mut input, &dir(), "n").expect("a derivation"), drv);
        assert!(input.is_empty());
    }

    proptest! {
        #[test]
        fn damage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_derivation(&mut bytes.as_slice(), &dir(), "n");
            let _ = read_path_info(&mut bytes.as_slice(), &dir(), path("x"));
            let form = ResultForm { cpu: true, plain_outputs: false, outputs: true };
            let _ = read_result(&mut bytes.as_slice(), &dir(), DerivedPath::Opaque(path("x")), form);
        }
    }
}
