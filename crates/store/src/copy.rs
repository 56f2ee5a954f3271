//! Copying paths from one store to another.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::sync::{Condvar, Mutex, PoisonError};

use firn_events::{ActivityKind, Events, Field, Level};
use firn_path::{StorePath, StorePathSet};

use crate::error::{Result, StoreError};
use crate::info::PathInfo;
use crate::pipe::pipe;
use crate::store::{AddOptions, PathToAdd, Store, WriteNar};

/// Copies at a time. One copy is bound by hashing or by the network, so several go on at once.
const COPIES: usize = 8;

/// Copies what `to` does not have of `paths`, those that others refer to first. Gives where each path is in `to`: at the
/// same place, but content-addressed paths without references in a store of another directory.
///
/// # Errors
/// The first path that cannot be read or added; others may have been copied.
pub fn copy_paths(
    from: &dyn Store,
    to: &dyn Store,
    paths: &StorePathSet,
    options: AddOptions,
    events: &Events,
) -> Result<BTreeMap<StorePath, StorePath>> {
    let valid = if options.repair { StorePathSet::new() } else { to.valid_paths(paths)? };
    let mut map: BTreeMap<StorePath, StorePath> = paths.iter().map(|p| (p.clone(), p.clone())).collect();
    let mut jobs = Vec::new();
    for path in paths.difference(&valid) {
        let info = from.require_info(path)?;
        let mut target = (*info).clone();
        // what the other store thought of it does not count here
        target.ultimate = false;
        target.registration_time = 0;
        if let (Some(ca), true) = (&info.ca, info.references.is_empty()) {
            target.path =
                to.store_dir().make_content_addressed_path(path.name(), ca, &info.split_references())?;
        }
        map.insert(path.clone(), target.path.clone());
        jobs.push((path.clone(), target));
    }
    if jobs.is_empty() {
        return Ok(map);
    }
    let text = format!("copying {} paths", jobs.len());
    let activity = events.start(0, Level::Info, ActivityKind::CopyPaths, text, Vec::new());
    if let Some(done) = copy_in_one(from, to, &jobs, options, events, activity.id()) {
        done?;
        return Ok(map);
    }
    let graph = Work::new(&jobs);
    std::thread::scope(|scope| {
        for _ in 0..COPIES.min(jobs.len()) {
            scope.spawn(|| {
                while let Some(number) = graph.next() {
                    let (path, info) = &jobs[number];
                    let done = copy_one(from, to, path, info, options, events, activity.id());
                    graph.finished(number, done);
                    activity.progress(graph.done() as u64, jobs.len() as u64);
                }
            });
        }
    });
    graph.into_result()?;
    Ok(map)
}

/// Hands all paths over at once, if the other store takes them so.
fn copy_in_one(
    from: &dyn Store,
    to: &dyn Store,
    jobs: &[(StorePath, PathInfo)],
    options: AddOptions,
    events: &Events,
    parent: u64,
) -> Option<Result<()>> {
    let graph = Work::new(jobs);
    let mut paths = Vec::with_capacity(jobs.len());
    while let Some(number) = graph.next() {
        let (path, info) = &jobs[number];
        let nar: WriteNar<'_> = Box::new(move |out| {
            let printed = from.store_dir().print(path);
            let text = message(from, to, &printed);
            let fields = vec![Field::Text(printed), Field::Text(from.uri()), Field::Text(to.uri())];
            let _activity = events.start(parent, Level::Info, ActivityKind::CopyPath, text, fields);
            from.write_nar(path, out)
        });
        paths.push(PathToAdd { info: info.clone(), nar });
        graph.finished(number, Ok(()));
    }
    to.add_many(&paths, options)
}

/// What copying a path is called: the store of this machine is not named.
fn message(from: &dyn Store, to: &dyn Store, path: &str) -> String {
    let here = |uri: &str| uri == "local" || uri == "daemon";
    let (source, target) = (from.uri(), to.uri());
    if here(&source) {
        format!("copying path '{path}' to '{target}'")
    } else if here(&target) {
        format!("copying path '{path}' from '{source}'")
    } else {
        format!("copying path '{path}' from '{source}' to '{target}'")
    }
}

/// Copies one path with known info, as an activity within `parent`.
///
/// # Errors
/// It cannot be read or added.
pub fn copy_path(
    from: &dyn Store,
    to: &dyn Store,
    path: &StorePath,
    info: &PathInfo,
    options: AddOptions,
    events: &Events,
    parent: u64,
) -> Result<()> {
    copy_one(from, to, path, info, options, events, parent)
}

fn copy_one(
    from: &dyn Store,
    to: &dyn Store,
    path: &StorePath,
    info: &PathInfo,
    options: AddOptions,
    events: &Events,
    parent: u64,
) -> Result<()> {
    let printed = from.store_dir().print(path);
    let text = message(from, to, &printed);
    let fields = vec![Field::Text(printed), Field::Text(from.uri()), Field::Text(to.uri())];
    let _activity = events.start(parent, Level::Info, ActivityKind::CopyPath, text, fields);
    let (mut writer, mut reader) = pipe();
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || {
            from.write_nar(path, &mut writer)?;
            writer.flush().map_err(|source| StoreError::Stream { action: "copying a path", source })
        });
        let added = to.add_nar(info, &mut reader, options);
        drop(reader);
        let read = reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match (added, read) {
            // the archive ended early because it could not be read, unless nobody wanted to have more of it
            (Err(_), Err(e)) if !is_broken_pipe(&e) => Err(e),
            (added, _) => added,
        }
    })
}

/// Whether writing failed only because the reader had gone; such errors come wrapped in many ways.
fn is_broken_pipe(error: &StoreError) -> bool {
    error.to_string().to_ascii_lowercase().contains("broken pipe")
}

/// Jobs that wait for others.
struct Work {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    ready: Vec<usize>,
    /// For each job, how many of those that it refers to are not done.
    waits: Vec<usize>,
    /// For each job, those that wait for it.
    waiting: Vec<Vec<usize>>,
    running: usize,
    done: usize,
    error: Option<StoreError>,
}

impl Work {
    fn new(jobs: &[(StorePath, PathInfo)]) -> Work {
        let numbers: HashMap<&StorePath, usize> = jobs.iter().enumerate().map(|(i, (p, _))| (p, i)).collect();
        let mut waits = vec![0; jobs.len()];
        let mut waiting = vec![Vec::new(); jobs.len()];
        for (number, (path, info)) in jobs.iter().enumerate() {
            for reference in info.references.iter().filter(|r| *r != path) {
                if let Some(&other) = numbers.get(reference) {
                    waits[number] += 1;
                    waiting[other].push(number);
                }
            }
        }
        let ready = (0..jobs.len()).rev().filter(|&i| waits[i] == 0).collect();
        let state = State { ready, waits, waiting, running: 0, done: 0, error: None };
        Work { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// The next job; `None` when nothing is left to do or one has failed.
    fn next(&self) -> Option<usize> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if state.error.is_some() {
                return None;
            }
            if let Some(number) = state.ready.pop() {
                state.running += 1;
                return Some(number);
            }
            if state.running == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn finished(&self, number: usize, result: Result<()>) {
        let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *guard;
        state.running -= 1;
        match result {
            Ok(()) => {
                state.done += 1;
                for waiting in std::mem::take(&mut state.waiting[number]) {
                    state.waits[waiting] -= 1;
                    if state.waits[waiting] == 0 {
                        state.ready.push(waiting);
                    }
                }
            }
            Err(e) => {
                state.error.get_or_insert(e);
            }
        }
        self.changed.notify_all();
    }

    fn done(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).done
    }

    fn into_result(self) -> Result<()> {
        match self.state.into_inner().unwrap_or_else(PoisonError::into_inner).error {
            Some(e) => Err(e),
            None => Ok(()),
        }
    }
}
