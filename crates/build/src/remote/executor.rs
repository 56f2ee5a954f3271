//! Machines as an executor.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use firn_events::{Activity, ActivityKind, ActivityResult, Event, Events, Field, Level, Sink};
use firn_path::StorePath;
use firn_store::{BuildMode, BuildStatus, Store, StoreError};
use firn_sys::lock::LockKind;

use super::machine::{Machine, parse_machines};
use super::offload::{Offload, offload};
use crate::error::Failure;
use crate::executor::{Built, Executor, Job, JobContext, Lease, Offer};
use crate::local::required_features;
use crate::stores::Stores;

/// The machines of a run.
pub struct Machines {
    text: String,
    system: String,
    load_dir: PathBuf,
    stores: Stores,
    machines: OnceLock<Result<Vec<Place>, String>>,
}

/// A machine and what is known of it.
struct Place {
    machine: Machine,
    /// It cannot be reached, or broke off.
    gone: AtomicBool,
    /// Connections that no job uses.
    idle: Mutex<Vec<Line>>,
}

/// A connection with the ear that listens to it.
struct Line {
    store: Arc<dyn Store>,
    ear: Arc<Ear>,
}

/// A place on a machine; held as long as the file is open.
struct Slot {
    machine: usize,
    _file: File,
}

impl Machines {
    /// The machines of the setting `builders`; nothing is read before the first job.
    pub fn new(text: String, system: String, state_dir: &str, stores: Stores) -> Machines {
        let load_dir = Path::new(state_dir).join("current-load");
        Machines { text, system, load_dir, stores, machines: OnceLock::new() }
    }

    fn places(&self) -> Result<&[Place], Failure> {
        let known = self.machines.get_or_init(|| {
            let machines = parse_machines(&self.text, &self.system, &|name| std::fs::read_to_string(name))?;
            let place = |machine| Place { machine, gone: AtomicBool::new(false), idle: Mutex::default() };
            Ok(machines.into_iter().map(place).collect())
        });
        match known {
            Ok(places) => Ok(places),
            Err(text) => Err(Failure::misc(text.clone())),
        }
    }

    /// The file of a place.
    fn slot_file(&self, machine: &Machine, slot: u64) -> PathBuf {
        let name: String = machine.uri.chars().map(|c| if c == '/' { '!' } else { c }).collect();
        self.load_dir.join(format!("{name}-{slot}"))
    }

    /// A free place on a machine, and how many are taken.
    fn free_slot(&self, number: usize, machine: &Machine) -> Option<(Slot, u64)> {
        let (mut free, mut load) = (None, 0);
        for slot in 0..machine.max_jobs {
            let file = firn_sys::lock::open_lock_file(&self.slot_file(machine, slot)).ok()?;
            match firn_sys::lock::lock_file(&file, LockKind::Exclusive, false) {
                Ok(true) if free.is_none() => free = Some(Slot { machine: number, _file: file }),
                Ok(true) => {}
                _ => load += 1,
            }
        }
        free.map(|slot| (slot, load))
    }

    /// The best free place for a job; `Err(true)` if machines would fit that are busy.
    fn choose(&self, places: &[Place], job: &Job) -> Result<Slot, bool> {
        let Ok(features) = required_features(job) else { return Err(false) };
        let mut busy = false;
        let mut best: Option<(f64, f64, Slot)> = None;
        for (number, place) in places.iter().enumerate() {
            let machine = &place.machine;
            if place.gone.load(Ordering::Relaxed) || !machine.fits(&job.drv.platform, &features) {
                continue;
            }
            let Some((slot, load)) = self.free_slot(number, machine) else {
                busy |= machine.max_jobs > 0;
                continue;
            };
            let pressure = if machine.speed > 0.0 { load as f64 / machine.speed } else { f64::MAX };
            let better = best.as_ref().is_none_or(|(other, speed, _)| {
                pressure < *other || (pressure == *other && machine.speed > *speed)
            });
            if better {
                best = Some((pressure, machine.speed, slot));
            }
        }
        best.map(|(_, _, slot)| slot).ok_or(busy)
    }

    fn line(&self, place: &Place) -> Result<Line, StoreError> {
        if let Some(line) = place.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(line);
        }
        let ear = Arc::new(Ear::default());
        let stores = self.stores.clone().with_events(Events::new(ear.clone()));
        let store = stores.open_address(&place.machine.address())?;
        Ok(Line { store, ear })
    }
}

impl std::fmt::Debug for Machines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machines").field("text", &self.text).finish_non_exhaustive()
    }
}

impl Executor for Machines {
    fn name(&self) -> &str {
        "machines"
    }

    fn lease(&self, job: &Job, _context: &JobContext<'_>) -> Offer {
        let places = match self.places() {
            Ok(places) => places,
            Err(failure) => return Offer::Refused(failure),
        };
        let here_only =
            job.options.prefer_local_build || job.mode != BuildMode::Normal || job.drv.is_builtin();
        if places.is_empty() || here_only {
            return Offer::Refused(Failure::misc("no machine is asked"));
        }
        if std::fs::create_dir_all(&self.load_dir).is_err() {
            return Offer::Refused(Failure::misc(format!(
                "cannot make the directory \"{}\" for the load of machines",
                self.load_dir.display()
            )));
        }
        match self.choose(places, job) {
            Ok(slot) => Offer::Ready(Box::new(slot)),
            Err(true) => Offer::Busy,
            Err(false) => Offer::Refused(Failure::misc("no machine can build it")),
        }
    }

    fn submit(&self, lease: Lease, job: &Job, context: &JobContext<'_>) -> Result<Built, Failure> {
        let lease: Box<dyn std::any::Any + Send> = lease;
        let slot = lease.downcast::<Slot>().map_err(|_| Failure::misc("the place of another executor"))?;
        let places = self.places()?;
        let place = &places[slot.machine];
        let uri = place.machine.uri.clone();
        let shown = context.store.print(&job.drv_path);
        let gone = |e: &StoreError| {
            place.gone.store(true, Ordering::Relaxed);
            let mut failure = Failure::new(
                BuildStatus::TransientFailure,
                format!("cannot build '{shown}' on '{uri}': {e}\nit is built elsewhere"),
            );
            failure.elsewhere = !context.cancel.is_cancelled();
            failure
        };
        let line = self.line(place).map_err(|e| gone(&e))?;
        let fields = vec![Field::Text(shown.clone()), Field::Text(uri.clone()), Field::Int(1), Field::Int(1)];
        let text = format!("building '{shown}' on '{uri}'");
        let activity = context.events.start(context.parent, Level::Info, ActivityKind::Build, text, fields);
        let log_path = context.store.log_path(&job.drv_path);
        line.ear.listen(Some(Listening { events: context.events.clone(), activity, log: Vec::new() }));
        let result = offload(&Offload {
            here: context.store,
            there: &*line.store,
            drv_path: &job.drv_path,
            drv: &job.drv,
            inputs: &job.inputs,
            substitute: context.store.settings().builders_use_substitutes(),
            events: context.events,
        });
        if let Some(heard) = line.ear.listen(None) {
            if context.store.settings().keep_build_log() && !heard.log.is_empty() && !log_path.exists() {
                // a log that cannot be kept is no reason to fail
                let _ = context.store.add_build_log(&job.drv_path, &heard.log);
            }
        }
        match result {
            Ok(result) => {
                place.idle.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                if result.status.is_success() {
                    return Ok(Built {
                        status: BuildStatus::Built,
                        outputs: result.outputs,
                        start_time: result.start_time,
                        stop_time: result.stop_time,
                        cpu_user: result.cpu_user,
                        cpu_system: result.cpu_system,
                    });
                }
                let text = format!("build of '{shown}' on '{uri}' failed: {}", result.error);
                let mut failure = Failure::new(result.status, text);
                failure.hash_mismatch = result.error.contains("hash mismatch");
                Err(failure)
            }
            Err(e @ (StoreError::Protocol(_) | StoreError::Remote(_))) => Err(gone(&e)),
            Err(e) => Err(e.into()),
        }
    }

    fn log(&self, _drv: &StorePath) -> Option<Vec<u8>> {
        None
    }
}

/// Hears what a machine says, and passes it on as what the job says that it works on.
#[derive(Default)]
struct Ear(Mutex<Option<Listening>>);

struct Listening {
    events: Events,
    activity: Activity,
    log: Vec<u8>,
}

impl Ear {
    fn listen(&self, listening: Option<Listening>) -> Option<Listening> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), listening)
    }
}

impl Sink for Ear {
    fn event(&self, event: Event) {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(listening) = &mut *guard else { return };
        match event {
            Event::Result { result: ActivityResult::BuildLogLine(line), .. } => {
                listening.log.extend_from_slice(line.as_bytes());
                listening.log.push(b'\n');
                listening.activity.result(ActivityResult::BuildLogLine(line));
            }
            Event::Result { result: result @ ActivityResult::SetPhase(_), .. } => {
                listening.activity.result(result);
            }
            Event::Message { level, text } => listening.events.message(level, text),
            // its own activities would count twice
            _ => {}
        }
    }
}
