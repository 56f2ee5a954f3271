//! A program that another Nix calls to build elsewhere (its setting `build-hook`): `nix __build-remote VERBOSITY`.
//!
//! It reads the caller's settings (the number 1, name and value, each; the number 0), then questions: `try`, whether the
//! caller could build it itself, the system, the derivation, the features that it needs. It answers on the standard error: `#
//! decline`, `# postpone`, or `# accept` and the machine, after which the caller sends the inputs and the wanted outputs.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_path::StorePath;
use firn_protocol::wire::{ReadWire, WireReader};
use firn_store::{Store, StoreError};
use firn_sys::lock::LockKind;

use super::machine::{Machine, parse_machines};
use super::offload::{Offload, offload};
use crate::stores::Stores;

/// The settings that a caller sends.
///
/// # Errors
/// What comes makes no sense.
pub fn read_settings(from: &mut dyn Read) -> Result<Vec<(String, String)>, StoreError> {
    let mut settings = Vec::new();
    while from.flag()? {
        let name = from.name()?;
        settings.push((name, from.text()?));
    }
    Ok(settings)
}

/// The machines and what they are asked with.
pub struct Hook<'a> {
    /// The setting `builders`.
    pub builders: &'a str,
    /// The system of machines that name none.
    pub system: &'a str,
    /// The folder of state, for the files of places.
    pub state_dir: &'a Path,
    /// Opens stores.
    pub stores: &'a Stores,
    /// The caller's store.
    pub store: Arc<dyn Store>,
    /// Where what machines say goes.
    pub events: &'a firn_events::Events,
    /// Machines may get inputs from their own substituters.
    pub substitute: bool,
}

/// A question.
struct Question {
    willing: bool,
    system: String,
    drv: StorePath,
    features: BTreeSet<String>,
}

impl Hook<'_> {
    /// Answers questions until one is accepted and built, or the caller has no more. Gives the exit status.
    ///
    /// # Errors
    /// What comes makes no sense, or the machine breaks off.
    pub fn run(&self, mut from: WireReader, answers: &mut dyn Write) -> Result<u8, StoreError> {
        let machines = parse_machines(self.builders, self.system, &|name| std::fs::read_to_string(name))
            .map_err(StoreError::Remote)?;
        let mut say = |text: &str| {
            answers
                .write_all(text.as_bytes())
                .and_then(|()| answers.flush())
                .map_err(|source| StoreError::Stream { action: "answering", source })
        };
        if machines.is_empty() {
            say("# decline-permanently\n")?;
            return Ok(0);
        }
        let mut gone: BTreeSet<usize> = BTreeSet::new();
        while let Some(question) = self.read_question(&mut from)? {
            let (chosen, busy) = self.choose(&machines, &gone, &question);
            let Some((number, _slot)) = chosen else {
                say(if busy && !question.willing { "# postpone\n" } else { "# decline\n" })?;
                continue;
            };
            let machine = &machines[number];
            let there = self.stores.open_address(&machine.address()).and_then(|s| {
                s.status()?;
                Ok(s)
            });
            let there = match there {
                Ok(there) => there,
                Err(e) => {
                    say(&format!("cannot build on '{}': {e}\n", machine.uri))?;
                    gone.insert(number);
                    let others = self.choose(&machines, &gone, &question).0.is_some();
                    say(if others && !question.willing { "# postpone\n" } else { "# decline\n" })?;
                    continue;
                }
            };
            say(&format!("# accept\n{}\n", machine.uri))?;
            return self.build(&mut from, &*there, &question.drv, &machine.uri, &mut say);
        }
        Ok(0)
    }

    fn read_question(&self, from: &mut WireReader) -> Result<Option<Question>, StoreError> {
        let word = match from.name() {
            Ok(word) => word,
            Err(firn_protocol::ProtocolError::End) => return Ok(None),
            Err(e) => return Err(e.into()),
        };
        if word != "try" {
            return Ok(None);
        }
        Ok(Some(Question {
            willing: from.flag()?,
            system: from.name()?,
            drv: from.path(self.store.store_dir())?,
            features: from.text_set()?,
        }))
    }

    fn slot_file(&self, machine: &Machine, slot: u64) -> PathBuf {
        let name: String = machine.uri.chars().map(|c| if c == '/' { '!' } else { c }).collect();
        self.state_dir.join("current-load").join(format!("{name}-{slot}"))
    }

    /// The best machine with its locked place; and whether machines would fit that are busy.
    fn choose(
        &self,
        machines: &[Machine],
        gone: &BTreeSet<usize>,
        question: &Question,
    ) -> (Option<(usize, std::fs::File)>, bool) {
        let _ = std::fs::create_dir_all(self.state_dir.join("current-load"));
        let mut best: Option<(f64, f64, usize, std::fs::File)> = None;
        let mut busy = false;
        for (number, machine) in machines.iter().enumerate() {
            if gone.contains(&number) || !machine.fits(&question.system, &question.features) {
                continue;
            }
            let (mut free, mut load) = (None, 0u64);
            for slot in 0..machine.max_jobs {
                let Ok(file) = firn_sys::lock::open_lock_file(&self.slot_file(machine, slot)) else {
                    continue;
                };
                match firn_sys::lock::lock_file(&file, LockKind::Exclusive, false) {
                    Ok(true) if free.is_none() => free = Some(file),
                    Ok(true) => {}
                    _ => load += 1,
                }
            }
            let Some(file) = free else {
                busy = true;
                continue;
            };
            let pressure = if machine.speed > 0.0 { load as f64 / machine.speed } else { f64::MAX };
            let better = best
                .as_ref()
                .is_none_or(|(p, s, ..)| pressure < *p || (pressure == *p && machine.speed > *s));
            if better {
                best = Some((pressure, machine.speed, number, file));
            }
        }
        (best.map(|(_, _, number, file)| (number, file)), busy)
    }

    fn build(
        &self,
        from: &mut WireReader,
        there: &dyn Store,
        drv_path: &StorePath,
        uri: &str,
        say: &mut dyn FnMut(&str) -> Result<(), StoreError>,
    ) -> Result<u8, StoreError> {
        let dir = self.store.store_dir().clone();
        let inputs = from.paths(&dir)?;
        // the outputs that the caller wants; all of them come back
        from.text_set()?;
        let drv = self.store.read_derivation(drv_path)?;
        let result = offload(&Offload {
            here: &*self.store,
            there,
            drv_path,
            drv: &drv,
            inputs: &inputs,
            substitute: self.substitute,
            events: self.events,
        })?;
        if result.status.is_success() {
            return Ok(0);
        }
        say(&format!("error: build of '{}' on '{uri}' failed: {}\n", dir.print(drv_path), result.error))?;
        Ok(match result.status {
            firn_store::BuildStatus::TimedOut => 101,
            firn_store::BuildStatus::PermanentFailure | firn_store::BuildStatus::OutputRejected => 100,
            _ => 1,
        })
    }
}
