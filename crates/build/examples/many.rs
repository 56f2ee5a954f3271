//! Builds many trivial derivations in sandboxes and says how long it took: `many [COUNT] [FOLDER] [INPUTS]`.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use firn_build::{Builder, BuilderOptions};
use firn_derivation::{Derivation, DerivationOutput, Scratch};
use firn_events::Events;
use firn_path::{DerivedPath, OutputsSpec};
use firn_settings::{Directories, Environment, Host, Settings};
use firn_store::{BuildBackend, BuildMode, LocalConfig, LocalStore, Store, StoreReference};
use firn_sys::CancelToken;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    firn_sys::helper::run_if_asked();
    let mut args = std::env::args().skip(1);
    let count: usize = args.next().map_or(Ok(200), |n| n.parse())?;
    let folder = args.next().unwrap_or_else(|| format!("/tmp/many-{}", std::process::id()));
    let inputs: usize = args.next().map_or(Ok(0), |n| n.parse())?;
    let host = Host {
        root: firn_sys::users::effective_uid() == 0,
        cpus: 2,
        ..Host::plain(Environment::from_process())
    };
    let mut settings = Settings::new(&host);
    for (name, value) in
        std::env::vars().filter_map(|(k, v)| Some((k.strip_prefix("SET_")?.replace('_', "-"), v)))
    {
        settings.set(&name, &value)?;
    }
    let reference = StoreReference::parse("local", "/")?;
    let dirs = Directories::new(&host);
    let config =
        LocalConfig::new(Some(folder.clone().into()), reference, Arc::new(settings), &dirs, &mut Vec::new())?;
    let store = LocalStore::open(config, Events::none())?;
    let sources = (0..inputs)
        .map(|i| store.add_text(&format!("input-{i}"), b"x", &Default::default(), false))
        .collect::<Result<std::collections::BTreeSet<_>, _>>()?;
    let mut targets = Vec::new();
    for i in 0..count {
        let mut drv = Derivation {
            name: format!("trivial-{i}"),
            outputs: BTreeMap::from([("out".to_owned(), DerivationOutput::Deferred)]),
            input_drvs: BTreeMap::new(),
            input_srcs: sources.clone(),
            platform: store.settings().system().to_owned(),
            builder: b"/bin/sh".to_vec(),
            args: vec![b"-c".to_vec(), format!("echo {i} > $out").into_bytes()],
            env: BTreeMap::from([(b"out".to_vec(), Vec::new()), (b"name".to_vec(), b"x".to_vec())]),
        };
        drv.fill_output_paths(store.store_dir(), &mut Scratch::new(), |path| store.hash_modulo(path))?;
        targets.push(DerivedPath::built(store.write_derivation(&drv, false)?, OutputsSpec::All));
    }
    let builder = Builder::new(BuilderOptions::default(), CancelToken::new()?);
    let begin = Instant::now();
    let results = builder.build(&store, &targets, BuildMode::Normal, &Events::none())?;
    let took = begin.elapsed();
    let failed = results.iter().filter(|r| !r.status.is_success()).count();
    if let Some(r) = results.iter().find(|r| !r.status.is_success()) {
        println!("{}", r.error);
    }
    println!(
        "{count} builds, {failed} failed, {:.3} s, {:.2} ms each",
        took.as_secs_f64(),
        took.as_secs_f64() * 1e3 / count as f64
    );
    Ok(())
}
